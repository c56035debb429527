// What the server wrote into the page for the script: data, not code.

import { isObject, type Json } from "../people/fix.ts";
import { type Household, readHousehold } from "../people/household.ts";
import type { Viewer } from "../people/wording.ts";

export interface PageData {
  readonly viewer: Viewer;
  readonly household: Household;
  /** Path of the socket. */
  readonly live: string;
  readonly seq: number | null;
  readonly startup: number | null;
  /** The server's clock, Unix seconds. */
  readonly now: number | null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function viewerOf(value: unknown): Viewer {
  const { name, display }: Json = isObject(value) ? value : {};
  return { name: String(name ?? ""), display: String(display ?? name ?? "") };
}

export function readPageData(text: string): PageData {
  const value: unknown = JSON.parse(text);
  const data: Json = isObject(value) ? value : {};
  return {
    viewer: viewerOf(data["viewer"]),
    household: readHousehold(list(data["devices"]), list(data["last_known"])),
    live: typeof data["live"] === "string" ? data["live"] : "/ws/locations/",
    seq: number(data["seq"]),
    startup: number(data["server_startup"]),
    now: number(data["now"]),
  };
}
