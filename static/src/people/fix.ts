// A fix: one report of where a device was, read once from the server's JSON into a value that cannot be odd.
// Degrees, metres, km/h, percent, Unix seconds; null means that the phone did not say.

export interface Fix {
  readonly id: string;
  /** `user/device` */
  readonly device: string;
  readonly tid: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly at: number;
  /** When it was told, which is later than `at` when the phone had no network. */
  readonly reportedAt: number;
  /** When it reached the server. */
  readonly receivedAt: number;
  readonly accuracy: number | null;
  readonly altitude: number | null;
  readonly velocity: number | null;
  readonly course: number | null;
  readonly battery: number | null;
  readonly charging: boolean;
  readonly connection: string | null;
  readonly regions: readonly string[];
}

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Unix seconds of an ISO 8601 time; null for anything else. */
export function readMoment(value: unknown): number | null {
  const milliseconds = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isFinite(milliseconds) ? milliseconds / 1000 : null;
}

/** OwnTracks `bs`: 2 charging, 3 full, which is on the cable too. */
const CHARGING: ReadonlySet<unknown> = new Set([2, 3, "charging", "full"]);

/** Null when it says no place: such a thing is not drawn, and breaks nothing. */
export function readFix(value: unknown): Fix | null {
  if (!isObject(value)) return null;
  const latitude = number(value["latitude"]);
  const longitude = number(value["longitude"]);
  const at = number(value["timestamp_unix"]);
  const device = text(value["device_name"]) || text(value["device"]);
  if (latitude === null || longitude === null || at === null || device === "") return null;
  const regions = value["in_regions"];
  return {
    id: String(value["id"] ?? ""),
    device,
    tid: text(value["tid_display"]),
    latitude,
    longitude,
    at,
    reportedAt: number(value["reported_at_unix"]) ?? at,
    receivedAt: readMoment(value["received_at"]) ?? at,
    accuracy: number(value["accuracy"]),
    altitude: number(value["altitude"]),
    velocity: number(value["velocity"]),
    course: number(value["course"]),
    battery: number(value["battery_level"]),
    charging: CHARGING.has(value["battery_status"]),
    connection: text(value["connection_type"]) || null,
    regions: Array.isArray(regions) ? regions.filter((name) => typeof name === "string") : [],
  };
}

/**
 * Whether `fix`, told after `other`, takes its place: reported later, or of a later time. Two reports of one
 * second are taken as they are told; the same one again is not.
 */
export function isNewer(fix: Fix, other: Fix | undefined): boolean {
  if (other === undefined) return true;
  if (fix.reportedAt !== other.reportedAt) return fix.reportedAt > other.reportedAt;
  return fix.at === other.at ? fix.id !== other.id : fix.at > other.at;
}
