// Lengths and speeds as somebody reads them who thinks in miles or in knots. Metres and km/h in, words out; pure.

import { t } from "../words/words.ts";

/** `size`: metres of one, or km/h of one. */
interface Unit {
  readonly size: number;
  readonly text: (count: number) => string;
}

export interface Units {
  /** From the longest to the shortest; heights are told in the middle one. */
  readonly lengths: readonly [long: Unit, middle: Unit, short: Unit];
  readonly speed: Unit;
}

const metre: Unit = { size: 1, text: (n) => t("{n} m", { n }) };
const centimetre: Unit = { size: 0.01, text: (n) => t("{n} cm", { n }) };

export const METRIC: Units = {
  lengths: [{ size: 1000, text: (n) => t("{n} km", { n }) }, metre, centimetre],
  speed: { size: 1, text: (n) => t("{n} km/h", { n }) },
};

export const IMPERIAL: Units = {
  lengths: [
    { size: 1609.344, text: (n) => t("{n} mi", { n }) },
    { size: 0.3048, text: (n) => t("{n} ft", { n }) },
    { size: 0.0254, text: (n) => t("{n} in", { n }) },
  ],
  speed: { size: 1.609344, text: (n) => t("{n} mph", { n }) },
};

export const NAUTICAL: Units = {
  lengths: [{ size: 1852, text: (n) => t("{n} nmi", { n }) }, metre, centimetre],
  speed: { size: 1.852, text: (n) => t("{n} kn", { n }) },
};

const SYSTEMS = new Map([["metric", METRIC], ["imperial", IMPERIAL], ["nautical", NAUTICAL]]);

/** By the name that the profile has for them; metric where it has none that is known. */
export function unitsNamed(name: unknown): Units {
  return SYSTEMS.get(String(name)) ?? METRIC;
}

/** A count of so many digits is told in the next longer unit. */
const TOO_LONG = 10_000;

function rounded(amount: number, { size, text }: Unit): string {
  return text(Math.round(amount / size));
}

export function speedText(kilometresPerHour: number, { speed }: Units): string {
  return rounded(kilometresPerHour, speed);
}

/** Above the sea, in metres or feet however high. */
export function heightText(metres: number, { lengths: [, middle] }: Units): string {
  return rounded(metres, middle);
}

/** How far, in whole units. */
export function lengthText(metres: number, { lengths: [long, middle] }: Units): string {
  return rounded(metres, Math.round(metres / middle.size) < TOO_LONG ? middle : long);
}

export interface Scale {
  readonly pixels: number;
  readonly text: string;
}

/** The longest bar of a round length that fits into `room` pixels. */
export function scaleBar(metresPerPixel: number, room: number, { lengths }: Units): Scale {
  const metres = metresPerPixel * room;
  const unit = lengths.find(({ size }) => size <= metres) ?? lengths[2];
  const most = metres / unit.size;
  const power = 10 ** Math.floor(Math.log10(most));
  const count = power * ([5, 2, 1].find((step) => step * power <= most) ?? 1);
  return { pixels: Math.round((count * unit.size) / metresPerPixel), text: unit.text(count) };
}
