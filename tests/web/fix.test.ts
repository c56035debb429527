import assert from "node:assert/strict";
import { test } from "node:test";
import { isNewer, readFix } from "../../static/src/people/fix.ts";
import { fix, location, NOON } from "./samples.ts";

test("what a phone did not say is null, never zero", () => {
  const read = fix({ accuracy: null, battery_level: null, velocity: undefined, in_regions: null });
  assert.deepEqual([read.accuracy, read.battery, read.velocity, read.regions], [null, null, null, []]);
});

test("zero is a value: an empty battery, the equator, standing still", () => {
  const read = fix({ battery_level: 0, latitude: 0, longitude: 0, velocity: 0 });
  assert.deepEqual([read.battery, read.latitude, read.longitude, read.velocity], [0, 0, 0, 0]);
});

test("something without a place, a time or a device is no fix and breaks nothing", () => {
  const odd = [null, [], "x", 7, location({ latitude: "48.1" }), location({ longitude: NaN }),
    location({ timestamp_unix: null }), location({ device: "", device_name: "" })];
  assert.deepEqual(odd.map(readFix), odd.map(() => null));
});

test("a phone on the cable is charging, full or not", () => {
  assert.deepEqual([0, 1, 2, 3].map((status) => fix({ battery_status: status }).charging), [false, false, true, true]);
});

test("of two fixes the later report is the newer, of one report the later fix; the same one again is not", () => {
  const first = fix();
  assert.equal(isNewer(first, undefined), true);
  assert.equal(isNewer(fix({ reported_at_unix: NOON + 5, timestamp_unix: NOON - 60 }), first), true);
  assert.equal(isNewer(fix({ reported_at_unix: NOON - 5 }), first), false);
  assert.equal(isNewer(fix({ timestamp_unix: NOON + 1 }), first), true);
  assert.equal(isNewer(fix(), first), false);
});

test("of two reports of one second the one told last counts", () => {
  assert.equal(isNewer(fix({ id: "2", velocity: 50 }), fix({ id: "1" })), true);
});
