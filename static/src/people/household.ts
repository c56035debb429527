// Who is on the map: devices and their newest fixes, and how a message from the server changes them. Pure;
// one writer. Says nothing about how it looks.

import { type Fix, type Json, isNewer, isObject, readFix, readMoment } from "./fix.ts";

export interface Device {
  /** `user/device` */
  readonly name: string;
  readonly owner: string;
  readonly online: boolean;
  /** 1 to 8, or more for a second round; null: the server did not say. */
  readonly colour: number | null;
  readonly fix: Fix | undefined;
  /** When it was made (Unix seconds); Infinity: while we look, after all that the server named. */
  readonly made: number;
  /** When the server last got anything of it, the repetition of an old fix included (Unix seconds; 0: never). */
  readonly seen: number;
}

export interface Household {
  readonly devices: ReadonlyMap<string, Device>;
}

export const EMPTY: Household = { devices: new Map() };

/** What of the server's messages changes the household. */
export type Change =
  | { readonly kind: "fix"; readonly fix: Fix }
  | { readonly kind: "status"; readonly device: string; readonly online: boolean; readonly at: number };

function fresh(name: string): Device {
  return { name, owner: name.split("/", 1)[0] ?? name, online: false, colour: null, fix: undefined, made: Infinity, seen: 0 };
}

function readDevice(value: unknown): Device | null {
  if (!isObject(value)) return null;
  const name = value["device_name"];
  if (typeof name !== "string" || name === "") return null;
  const owner = value["owner_username"];
  const colour = value["color"];
  const seen = value["last_seen_unix"];
  return {
    ...fresh(name),
    ...(typeof owner === "string" && owner !== "" ? { owner } : {}),
    online: value["is_online"] === true,
    made: readMoment(value["created_at"]) ?? 0,
    seen: typeof seen === "number" ? seen : 0,
    colour: typeof colour === "number" && Number.isInteger(colour) && colour >= 1 ? colour : null,
  };
}

/** From `GET /api/devices` and `GET /api/locations/last-known`, or the same in the page. */
export function readHousehold(devices: readonly unknown[], lastKnown: readonly unknown[]): Household {
  const read = devices.map(readDevice).filter((device) => device !== null);
  const household = { devices: new Map(read.map((device) => [device.name, device])) };
  return lastKnown
    .map(readFix)
    .filter((fix) => fix !== null)
    .reduce((known: Household, fix) => apply(known, { kind: "fix", fix }), household);
}

/** The household after a change; the same object when the change says nothing new. */
export function apply(household: Household, change: Change): Household {
  const name = change.kind === "fix" ? change.fix.device : change.device;
  const known = household.devices.get(name);
  const next = changed(known ?? fresh(name), change);
  if (next === known) return household;
  return { devices: new Map(household.devices).set(name, next) };
}

function changed(device: Device, change: Change): Device {
  if (change.kind === "fix") {
    const seen = Math.max(device.seen, change.fix.receivedAt);
    return isNewer(change.fix, device.fix) ? { ...device, fix: change.fix, seen } : device;
  }
  const seen = change.online ? Math.max(device.seen, change.at) : device.seen;
  const same = device.online === change.online && device.seen === seen;
  return same ? device : { ...device, online: change.online, seen };
}

/** A message's `data` as a change; null for what does not concern us. */
export function readChange(type: string, data: Json): Change | null {
  if (type === "location") {
    const fix = readFix(data);
    return fix === null ? null : { kind: "fix", fix };
  }
  const device = data["device_id"];
  if (type === "device_status" && typeof device === "string") {
    return { kind: "status", device, online: data["is_online"] === true, at: readMoment(data["at"]) ?? 0 };
  }
  return null;
}

/** A device that has been somewhere. `heard`: when it last reported, by its own word or by repeating itself. */
export type Placed = Device & { readonly fix: Fix; readonly heard: number };

/** One row: a person with the phone that reported last, and that person's other phones. */
export interface Person {
  readonly owner: string;
  readonly lead: Placed;
  readonly others: readonly Placed[];
}

/** What came after the newest fix and was no new one repeats it: a phone at rest that is well. */
function placed(device: Device): Placed[] {
  const { fix, seen } = device;
  if (fix === undefined) return [];
  return [{ ...device, fix, heard: seen > fix.receivedAt ? Math.max(seen, fix.reportedAt) : fix.reportedAt }];
}

function byReport(one: Placed, other: Placed): number {
  return other.heard - one.heard || one.name.localeCompare(other.name);
}

/** Everybody with a place: the viewer first, then by newest report. */
export function people(household: Household, viewer: string): readonly Person[] {
  const devices = [...household.devices.values()].flatMap(placed).sort(byReport);
  const owners = [...new Set(devices.map((device) => device.owner))];
  const rows = owners.flatMap((owner) => {
    const [lead, ...others] = devices.filter((device) => device.owner === owner);
    return lead === undefined ? [] : [{ owner, lead, others }];
  });
  return rows.sort((one, other) => Number(other.owner === viewer) - Number(one.owner === viewer));
}

/** All placed devices in the order of the list. */
export function inOrder(rows: readonly Person[]): readonly Placed[] {
  return rows.flatMap((person) => [person.lead, ...person.others]);
}

/** Those made while we look stay in the order in which they came. */
function byAge(one: Device, other: Device): number {
  if (one.made !== other.made) return one.made < other.made ? -1 : 1;
  return one.made === Infinity ? 0 : one.name.localeCompare(other.name);
}

/**
 * A colour for each device, from 1. The server's wins; a device without one gets the lowest that is free, in
 * the order in which they were made, so that neither a report nor a new device changes the colour of another.
 */
export function colours(household: Household): ReadonlyMap<string, number> {
  const devices = [...household.devices.values()].sort(byAge);
  const taken = new Set(devices.map((device) => device.colour));
  let free = 1;
  return new Map(
    devices.map((device) => {
      if (device.colour !== null) return [device.name, device.colour];
      while (taken.has(free)) free += 1;
      taken.add(free);
      return [device.name, free];
    }),
  );
}
