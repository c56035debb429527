// Who looks, and how they want to see things.

import { Clock } from "../time/clock.ts";
import { type Units, unitsNamed } from "../units/units.ts";
import { isObject, type Json } from "./fix.ts";

export interface Viewer {
  readonly name: string;
  readonly display: string;
  readonly units: Units;
  readonly clock: Clock;
}

/** From what the server wrote of the account and of its profile. */
export function readViewer(account: unknown, preferences: unknown): Viewer {
  const { name, display }: Json = isObject(account) ? account : {};
  const { units, time_zone: zone, language }: Json = isObject(preferences) ? preferences : {};
  return {
    name: String(name ?? ""),
    display: String(display ?? name ?? ""),
    units: unitsNamed(units),
    clock: new Clock(String(zone ?? ""), String(language ?? "")),
  };
}
