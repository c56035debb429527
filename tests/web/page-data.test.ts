import assert from "node:assert/strict";
import { test } from "node:test";
import { readPageData } from "../../static/src/page/page-data.ts";
import { Clock } from "../../static/src/time/clock.ts";
import { METRIC, NAUTICAL } from "../../static/src/units/units.ts";
import { location, NOON } from "./samples.ts";

test("the page's data is read as the server wrote it", () => {
  const data = readPageData(JSON.stringify({
    viewer: { name: "anna", display: "Anna", admin: true }, devices: [], last_known: [location()],
    live: "/ws/locations/", seq: 2 ** 52, server_startup: 7, now: NOON,
    preferences: { units: "nautical", time_zone: "Pacific/Auckland", language: "en-GB", home: [-36.85, 174.76] },
  }));
  assert.deepEqual([data.viewer.display, data.seq, data.startup, data.now], ["Anna", 2 ** 52, 7, NOON]);
  assert.equal(data.household.devices.size, 1);
  assert.deepEqual([data.viewer.units, data.viewer.clock.timeText(NOON)], [NAUTICAL, new Clock("Pacific/Auckland", "en-GB").timeText(NOON)]);
  assert.deepEqual([data.home?.latitude, data.home?.longitude], [-36.85, 174.76]);
});

test("what is missing is empty, not a broken page", () => {
  const data = readPageData("{}");
  assert.deepEqual([data.viewer.name, data.live, data.seq, data.household.devices.size], ["", "/ws/locations/", null, 0]);
  assert.deepEqual([data.home, data.viewer.units], [null, METRIC]);
});
