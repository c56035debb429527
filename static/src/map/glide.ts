// How a pin gets from its old place to a new one: by gliding, or at once. Pure.

import { distance, type Place } from "./geometry.ts";

/** Milliseconds of a glide. */
export const GLIDE = 240;
/** Metres; further than this a glide would be a lie about the way. */
const FAR = 2000;

export function glides(from: Place, to: Place, calm: boolean): boolean {
  const way = distance(from, to);
  return !calm && way > 0 && way <= FAR;
}

/** The place `elapsed` milliseconds after the start; slow at the end. Over the date line the short way. */
export function along(from: Place, to: Place, elapsed: number): Place {
  const part = Math.min(1, Math.max(0, elapsed / GLIDE));
  const eased = 1 - (1 - part) ** 3;
  const east = ((to[0] - from[0] + 540) % 360) - 180;
  return part === 1 ? to : [from[0] + east * eased, from[1] + (to[1] - from[1]) * eased];
}
