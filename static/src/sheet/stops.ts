// The three heights of the phone's sheet, and where it comes to rest when a finger lets go. Pure; pixels.

export type Stop = "peek" | "half" | "full";

export const STOPS: readonly Stop[] = ["peek", "half", "full"];

const PEEK = 148;
const HALF = 388;
/** Left of the map above a full sheet, so that it is seen to be a sheet. */
const LEFT_OVER = 64;

/** `room`: pixels between the screen's top and the tabs. */
export function heightOf(stop: Stop, room: number): number {
  if (stop === "peek") return PEEK;
  return stop === "half" ? Math.min(HALF, room - LEFT_OVER) : room - LEFT_OVER;
}

/** The stop whose height is nearest; a flick (pixels per second, upwards positive) goes one further. */
export function settle(height: number, flick: number, room: number): Stop {
  const aimed = height + flick * 0.15;
  const off = (stop: Stop): number => Math.abs(heightOf(stop, room) - aimed);
  return STOPS.reduce((best, stop) => (off(stop) < off(best) ? stop : best));
}

/** What a press on the handle does: up, and from the top down again. */
export function following(stop: Stop): Stop {
  return stop === "peek" ? "half" : stop === "half" ? "full" : "peek";
}
