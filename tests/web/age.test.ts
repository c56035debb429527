import assert from "node:assert/strict";
import { test } from "node:test";
import { ageText, agoText, isStale, STALE_AFTER } from "../../static/src/time/age.ts";

test("an age is told in the largest unit that fits, rounded down", () => {
  const told = [-3, 0, 4.9, 5, 59.9, 60, 3599, 3600, 86_399, 86_400, 40 * 86_400].map(ageText);
  assert.deepEqual(told, ["now", "now", "now", "5 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "40 d"]);
});

test("in a sentence it is 'ago', except now", () => {
  assert.deepEqual([0, 12, 3 * 3600].map(agoText), ["now", "12 s ago", "3 h ago"]);
});

test("a phone that missed four of its half-hourly reports is stale, one that missed three is not", () => {
  assert.equal(isStale(STALE_AFTER), true);
  assert.equal(isStale(STALE_AFTER - 1), false);
});
