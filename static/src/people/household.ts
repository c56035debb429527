// Who is on the map: devices and their newest fixes, and how a message from the server changes them. Pure;
// one writer. Says nothing about how it looks.

import { type Fix, type Json, isNewer, isObject, readFix } from "./fix.ts";

export interface Device {
  /** `user/device` */
  readonly name: string;
  readonly owner: string;
  readonly online: boolean;
  /** 1 to 8, or more for a second round; null: the server did not say. */
  readonly colour: number | null;
  readonly fix: Fix | undefined;
}

export interface Household {
  readonly devices: ReadonlyMap<string, Device>;
}

export const EMPTY: Household = { devices: new Map() };

/** What of the server's messages changes the household. */
export type Change =
  | { readonly kind: "fix"; readonly fix: Fix }
  | { readonly kind: "status"; readonly device: string; readonly online: boolean };

function fresh(name: string): Device {
  return { name, owner: name.split("/", 1)[0] ?? name, online: false, colour: null, fix: undefined };
}

function readDevice(value: unknown): Device | null {
  if (!isObject(value)) return null;
  const name = value["device_name"];
  if (typeof name !== "string" || name === "") return null;
  const owner = value["owner_username"];
  const colour = value["color"];
  return {
    ...fresh(name),
    ...(typeof owner === "string" && owner !== "" ? { owner } : {}),
    online: value["is_online"] === true,
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
    return isNewer(change.fix, device.fix) ? { ...device, fix: change.fix } : device;
  }
  return device.online === change.online ? device : { ...device, online: change.online };
}

/** A message's `data` as a change; null for what does not concern us. */
export function readChange(type: string, data: Json): Change | null {
  if (type === "location") {
    const fix = readFix(data);
    return fix === null ? null : { kind: "fix", fix };
  }
  const device = data["device_id"];
  if (type === "device_status" && typeof device === "string") {
    return { kind: "status", device, online: data["is_online"] === true };
  }
  return null;
}

/** A device that has been somewhere. */
export type Placed = Device & { readonly fix: Fix };

/** One row: a person with the phone that reported last, and that person's other phones. */
export interface Person {
  readonly owner: string;
  readonly lead: Placed;
  readonly others: readonly Placed[];
}

function hasPlace(device: Device): device is Placed {
  return device.fix !== undefined;
}

function byReport(one: Placed, other: Placed): number {
  return other.fix.reportedAt - one.fix.reportedAt || one.name.localeCompare(other.name);
}

/** Everybody with a place: the viewer first, then by newest report. */
export function people(household: Household, viewer: string): readonly Person[] {
  const placed = [...household.devices.values()].filter(hasPlace).sort(byReport);
  const owners = [...new Set(placed.map((device) => device.owner))];
  const rows = owners.flatMap((owner) => {
    const [lead, ...others] = placed.filter((device) => device.owner === owner);
    return lead === undefined ? [] : [{ owner, lead, others }];
  });
  return rows.sort((one, other) => Number(other.owner === viewer) - Number(one.owner === viewer));
}

/** All placed devices in the order of the list. */
export function inOrder(rows: readonly Person[]): readonly Placed[] {
  return rows.flatMap((person) => [person.lead, ...person.others]);
}

/**
 * A colour for each device, from 1. The server's wins; a device without one gets the lowest that is free, in
 * the order of names, so that a report never changes a colour.
 */
export function colours(household: Household): ReadonlyMap<string, number> {
  const devices = [...household.devices.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
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
