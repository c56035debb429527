// Reads a device's way of today from the server, page by page and thinned by it, so that a phone that reports
// every second costs no more than one that reports every quarter of a minute.

import { type Json, readFix } from "../people/fix.ts";
import { pointOf, type Point } from "./track.ts";

/** Seconds between two points of one device: at most 5,760 a day. */
const RESOLUTION = 15;
const PAGE = 1000;
/** Pages; a server that always names a next one is not followed for ever. */
const MOST_PAGES = 20;

export type Read = (path: string) => Promise<Json>;

/** The first page of `device` ('user/device') from `since` (Unix seconds) on, oldest first. */
export function firstPage(device: string, since: number): string {
  const query = new URLSearchParams({
    device,
    start_time: String(since),
    resolution: String(RESOLUTION),
    ordering: "timestamp",
    limit: String(PAGE),
    since_id: "",
  });
  return `/api/locations?${query}`;
}

/** Only path and query of where to go on: whatever host the server thinks it has, ours is asked. */
function nextPage(page: Json): string | null {
  const next = page["next"];
  if (typeof next !== "string" || next === "") return null;
  const { pathname, search } = new URL(next, "http://same.invalid");
  return pathname + search;
}

export async function readToday(read: Read, device: string, since: number): Promise<Point[]> {
  const points: Point[] = [];
  let path: string | null = firstPage(device, since);
  for (let pages = 0; path !== null && pages < MOST_PAGES; pages += 1) {
    const page: Json = await read(path);
    const results = Array.isArray(page["results"]) ? page["results"] : [];
    points.push(...results.map(readFix).filter((fix) => fix !== null).map(pointOf));
    path = results.length === 0 ? null : nextPage(page);
  }
  return points.sort((one, other) => one.at - other.at);
}
