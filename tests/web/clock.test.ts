import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../static/src/time/clock.ts";
import { NOON } from "./samples.ts";

const at = (text: string): number => Date.parse(text) / 1000;
const begin = (zone: string, now: string): string => new Date(new Clock(zone).startOfDay(at(now)) * 1000).toISOString();

test("time and day are those of the chosen zone, which is named", () => {
  const noon = at("2026-07-01T12:00:00Z");
  assert.equal(new Clock("Pacific/Auckland", "en-GB").timeText(noon), "00:00");
  assert.match(new Clock("Pacific/Auckland", "en-GB").momentText(noon), /^2 Jul 2026, 00:00:00 (GMT.12|NZST)$/);
  assert.match(new Clock("America/St_Johns", "en-GB").momentText(noon), /^1 Jul 2026, 09:30:00 (GMT.2:30|NDT)$/);
});

test("an hour that comes twice is told apart", () => {
  const clock = new Clock("America/St_Johns", "en-CA");
  const [first, second] = ["04", "05"].map((hour) => clock.momentText(at(`2026-11-01T${hour}:00:00Z`)));
  assert.notEqual(first, second);
});

test("dates are written as the language does, and without one as the browser does", () => {
  assert.match(new Clock("UTC", "de-CH").momentText(at("2026-11-24T00:00:00Z")), /^24\.11\.2026, 00:00:00 /);
  const own = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  assert.equal(new Clock().momentText(NOON), own.format(NOON * 1000));
});

test("a zone or a language that this browser does not know is as if it were not chosen", () => {
  for (const odd of [new Clock("Mars/Olympus_Mons"), new Clock("", "x"), new Clock("", "zh-cmn-a")]) {
    assert.equal(odd.momentText(NOON), new Clock().momentText(NOON));
  }
});

test("a day begins at midnight of the viewer's zone", () => {
  const start = new Date(new Clock().startOfDay(NOON + 0.5) * 1000);
  assert.deepEqual([start.getHours(), start.getMinutes(), start.getSeconds()], [0, 0, 0]);
});

test("a day begins at midnight also when clocks were turned since, before, or at midnight", () => {
  assert.equal(begin("Pacific/Auckland", "2026-11-24T12:00:00Z"), "2026-11-24T11:00:00.000Z");
  assert.equal(begin("Pacific/Auckland", "2026-09-27T05:00:00Z"), "2026-09-26T12:00:00.000Z");
  assert.equal(begin("America/St_Johns", "2026-11-01T20:00:00Z"), "2026-11-01T02:30:00.000Z");
  assert.equal(begin("America/St_Johns", "2026-03-08T20:00:00Z"), "2026-03-08T03:30:00.000Z");
  // Beirut skips midnight, Havana has it twice, São Paulo had eleven o'clock twice.
  assert.equal(begin("Asia/Beirut", "2026-03-29T12:00:00Z"), "2026-03-28T22:00:00.000Z");
  assert.equal(begin("America/Havana", "2026-11-01T18:00:00Z"), "2026-11-01T04:00:00.000Z");
  assert.equal(begin("America/Sao_Paulo", "2018-02-18T18:00:00Z"), "2018-02-18T03:00:00.000Z");
  assert.equal(begin("Australia/Lord_Howe", "2026-04-05T12:00:00Z"), "2026-04-04T13:00:00.000Z");
});
