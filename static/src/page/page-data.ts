// What the server wrote into the page for the script: data, not code.

import { readHome, type View } from "../map/camera.ts";
import { isObject, type Json } from "../people/fix.ts";
import { type Household, readHousehold } from "../people/household.ts";
import { readViewer, type Viewer } from "../people/viewer.ts";

export interface PageData {
  readonly viewer: Viewer;
  readonly household: Household;
  /** Where the map begins while nobody has been anywhere. */
  readonly home: View | null;
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

export function readPageData(text: string): PageData {
  const value: unknown = JSON.parse(text);
  const data: Json = isObject(value) ? value : {};
  const preferences: Json = isObject(data["preferences"]) ? data["preferences"] : {};
  return {
    viewer: readViewer(data["viewer"], preferences),
    home: readHome(preferences["home"]),
    household: readHousehold(list(data["devices"]), list(data["last_known"])),
    live: typeof data["live"] === "string" ? data["live"] : "/ws/locations/",
    seq: number(data["seq"]),
    startup: number(data["server_startup"]),
    now: number(data["now"]),
  };
}
