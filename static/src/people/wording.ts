// What a row, a tag and the list of facts say about a person. Pure: values in, words out.

import { ageText, agoText, isStale } from "../time/age.ts";
import { heightText, lengthText, speedText, type Units } from "../units/units.ts";
import { t } from "../words/words.ts";
import type { Fix } from "./fix.ts";
import type { Person, Placed } from "./household.ts";
import type { Viewer } from "./viewer.ts";

/** km/h; below it a standing phone's jitter looks like movement. */
const MOVING_FROM = 4;
/** Percent; at and below it the battery is worth a warning. */
const LOW_BATTERY = 15;
/** Seconds; a fix that much older than its report is worth a word. */
const OLD_FIX = 60;

/** A fix, and when its phone last said anything. */
export type Heard = Pick<Placed, "fix" | "heard">;

export function personName(owner: string, viewer: Viewer): string {
  return owner === viewer.name ? viewer.display : owner;
}

function deviceName(device: Placed): string {
  return device.name.slice(device.name.indexOf("/") + 1);
}

/** A person with one phone is called by name; with several, each goes by the phone's. */
export function labels(rows: readonly Person[], viewer: Viewer): ReadonlyMap<string, string> {
  return new Map(
    rows.flatMap(({ owner, lead, others }) =>
      others.length === 0
        ? [[lead.name, personName(owner, viewer)]]
        : [lead, ...others].map((device): [string, string] => [device.name, deviceName(device)]),
    ),
  );
}

/** What a reader counts as characters; code points where a browser cannot tell. */
function characters(text: string): readonly string[] {
  if (typeof Intl.Segmenter === "undefined") return [...text];
  return [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map(({ segment }) => segment);
}

/** Two characters for the ring. */
export function initials(label: string): string {
  const [first = "?", second = ""] = characters(label.trim());
  return first.toLocaleUpperCase() + second;
}

export function isMoving(fix: Fix): boolean {
  return fix.velocity !== null && fix.velocity >= MOVING_FROM;
}

function degrees(value: number, positive: string, negative: string): string {
  return `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;
}

export function placeText(fix: Fix): string {
  return `${degrees(fix.latitude, "N", "S")}, ${degrees(fix.longitude, "E", "W")}`;
}

/** Motion, or the place the phone knows by name, or where on earth. */
export function doingText({ fix, heard }: Heard, now: number, units: Units): string {
  const late = heard - fix.at > OLD_FIX ? t("fix {age} old", { age: ageText(now - fix.at) }) : "";
  const doing = whereabouts(fix, now - heard, units);
  return late === "" ? doing : t("{doing} · {late}", { doing, late });
}

function whereabouts(fix: Fix, age: number, units: Units): string {
  if (isMoving(fix) && !isStale(age)) {
    return t("On the way · {speed}", { speed: speedText(fix.velocity ?? 0, units) });
  }
  return fix.regions.length > 0 ? fix.regions.join(", ") : placeText(fix);
}

export function accuracyText(fix: Fix, units: Units): string {
  return fix.accuracy === null ? "" : t("±{length}", { length: lengthText(fix.accuracy, units) });
}

export interface Battery {
  readonly text: string;
  readonly icon: string;
  readonly low: boolean;
  readonly spoken: string;
}

/** Zero percent is a value; an unknown level is null and shows nothing. */
export function battery(fix: Fix): Battery | null {
  if (fix.battery === null) return null;
  const low = fix.battery <= LOW_BATTERY;
  const spoken = fix.charging
    ? t("battery {n} percent, charging", { n: fix.battery })
    : t("battery {n} percent", { n: fix.battery });
  return { text: `${fix.battery} %`, icon: batteryIcon(fix.battery, fix.charging), low, spoken };
}

function batteryIcon(level: number, charging: boolean): string {
  if (charging) return "battery-charging";
  if (level <= LOW_BATTERY) return "battery-low";
  return level < 85 ? "battery-medium" : "battery-full";
}

/** In the row: "12 s", but "3 h ago" once it is a matter for concern. */
export function rowAge({ heard }: Heard, now: number): string {
  const age = now - heard;
  return isStale(age) ? agoText(age) : ageText(age);
}

/** Under the pin: "Ben · 34 km/h", "Clara · 4 min". */
export function tagText(label: string, { fix, heard }: Heard, now: number, units: Units): string {
  const age = now - heard;
  const what = isMoving(fix) && !isStale(age) ? speedText(fix.velocity ?? 0, units) : ageText(age);
  return `${label} · ${what}`;
}

const CONNECTIONS: Readonly<Record<string, string>> = { w: "Wi-Fi", m: "mobile", o: "offline" };

/** Everything else that is known of a fix, as name and value; the unknown is left out. */
export function facts({ fix, heard }: Heard, { units, clock }: Viewer): readonly (readonly [string, string])[] {
  const known: readonly (readonly [string, string | null])[] = [
    [t("Reported"), clock.momentText(heard)],
    [t("Fix"), heard - fix.at > OLD_FIX ? clock.momentText(fix.at) : null],
    [t("Position"), placeText(fix)],
    [t("Accuracy"), accuracyText(fix, units) || null],
    [t("Speed"), fix.velocity === null ? null : speedText(fix.velocity, units)],
    [t("Course"), fix.course === null ? null : `${Math.round(fix.course)}°`],
    [t("Altitude"), fix.altitude === null ? null : heightText(fix.altitude, units)],
    [t("Network"), fix.connection === null ? null : (CONNECTIONS[fix.connection] ?? fix.connection)],
  ];
  return known.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}
