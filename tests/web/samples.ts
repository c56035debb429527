// Values that tests begin with.

import type { Fix, Json } from "../../static/src/people/fix.ts";
import { readFix } from "../../static/src/people/fix.ts";
import type { Viewer } from "../../static/src/people/viewer.ts";
import { Clock } from "../../static/src/time/clock.ts";
import { METRIC } from "../../static/src/units/units.ts";

export const NOON = 1_795_500_000;

/** Who looks, and has chosen nothing. */
export const ANNA: Viewer = { name: "anna", display: "Anna", units: METRIC, clock: new Clock() };

/** A location as the server sends it. */
export function location(changes: Json = {}): Json {
  return {
    id: "1",
    device: "anna/phone",
    device_name: "anna/phone",
    tid_display: "ne",
    timestamp_unix: NOON,
    reported_at_unix: NOON,
    received_at: new Date(NOON * 1000).toISOString(),
    latitude: 48.14,
    longitude: 11.55,
    accuracy: 12,
    altitude: 512,
    velocity: null,
    course: null,
    battery_level: 64,
    battery_status: 1,
    connection_type: "w",
    in_regions: [],
    ...changes,
  };
}

export function fix(changes: Json = {}): Fix {
  const read = readFix(location(changes));
  if (read === null) throw new Error("this sample is no fix");
  return read;
}
