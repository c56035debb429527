// A device's way through the day: points in the order of their time, and the lines they make. Pure.

import { distance, type Place } from "../map/geometry.ts";
import type { Fix } from "../people/fix.ts";

export interface Point {
  readonly at: number;
  readonly place: Place;
  /** Metres; null: the phone did not say. */
  readonly accuracy: number | null;
}

export type Track = readonly Point[];

/** Seconds without a report after which nobody knows the way between two points. */
const LONG = 30 * 60;
/** Metres between two points of which one is as vague as VAGUE: a jump, not a way. */
const FAR = 2000;
const VAGUE = 500;

export function pointOf(fix: Fix): Point {
  return { at: fix.at, place: [fix.longitude, fix.latitude], accuracy: fix.accuracy };
}

/**
 * The track with one more point, in its place by time: a phone that had no network sends late. The same track
 * when the point is there already.
 */
export function add(track: Track, point: Point): Track {
  const after = track.findLastIndex((one) => one.at <= point.at);
  const before = track[after];
  if (before !== undefined && before.at === point.at && samePlace(before, point)) return track;
  return track.toSpliced(after + 1, 0, point);
}

/** What was read from the server and what came live meanwhile, in one order and each point once. */
export function merge(read: Track, live: Track): Track {
  return live.reduce(add, read);
}

function samePlace(one: Point, other: Point): boolean {
  return one.place[0] === other.place[0] && one.place[1] === other.place[1];
}

/** The points from `since` on. */
export function from(track: Track, since: number): Track {
  return track.filter((point) => point.at >= since);
}

export interface Stretch {
  readonly places: readonly Place[];
  /** Where nothing is known between two points: drawn dashed. */
  readonly gap: boolean;
}

function isGap(one: Point, other: Point): boolean {
  if (other.at - one.at > LONG) return true;
  const vague = Math.max(one.accuracy ?? 0, other.accuracy ?? 0) > VAGUE;
  return vague && distance(one.place, other.place) > FAR;
}

/** Lines to draw: ways walked, and the gaps between them. One lone point makes no line. */
export function stretches(track: Track): readonly Stretch[] {
  const found: Stretch[] = [];
  let way: Place[] = [];
  const endWay = (): void => {
    if (way.length > 1) found.push({ places: unrolled(way), gap: false });
  };
  track.forEach((point, index) => {
    const last = track[index - 1];
    if (last !== undefined && isGap(last, point)) {
      endWay();
      found.push({ places: unrolled([last.place, point.place]), gap: true });
      way = [];
    }
    way.push(point.place);
  });
  endWay();
  return found;
}

/** Over the date line the short way: longitudes go on past 180 instead of jumping. */
function unrolled(places: readonly Place[]): readonly Place[] {
  let turn = 0;
  return places.map(([longitude, latitude], index): Place => {
    const last = places[index - 1];
    const step = last === undefined ? 0 : longitude - last[0];
    if (step > 180) turn -= 360;
    if (step < -180) turn += 360;
    return [longitude + turn, latitude];
  });
}
