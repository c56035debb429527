// How long ago something was, in the few words a list has room for. Seconds in, words out; no clock.

import { t } from "../words/words.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Shorter than this is "now": nobody reads a difference (seconds). */
const NOW = 5;

/**
 * After this a phone counts as silent (seconds): OwnTracks reports at least every 30 minutes even at rest, so
 * four reports in a row are missing.
 */
export const STALE_AFTER = 2 * HOUR;

export function isStale(age: number): boolean {
  return age >= STALE_AFTER;
}

/** "now", "12 s", "4 min", "3 h", "2 d". A time in the future is "now": clocks differ a little. */
export function ageText(age: number): string {
  if (age < NOW) return t("now");
  if (age < MINUTE) return t("{n} s", { n: Math.floor(age) });
  if (age < HOUR) return t("{n} min", { n: Math.floor(age / MINUTE) });
  if (age < DAY) return t("{n} h", { n: Math.floor(age / HOUR) });
  return t("{n} d", { n: Math.floor(age / DAY) });
}

/** The same as part of a sentence: "now", "3 h ago". */
export function agoText(age: number): string {
  return age < NOW ? t("now") : t("{age} ago", { age: ageText(age) });
}
