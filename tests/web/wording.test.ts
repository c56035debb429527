import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fix } from "../../static/src/people/fix.ts";
import { apply, EMPTY, people } from "../../static/src/people/household.ts";
import * as wording from "../../static/src/people/wording.ts";
import { IMPERIAL, METRIC, NAUTICAL } from "../../static/src/units/units.ts";
import { ANNA, fix, NOON } from "./samples.ts";

const heard = (one: Fix) => ({ fix: one, heard: one.reportedAt });

test("somebody who moves is on the way, with the speed; jitter at rest is not moving", () => {
  assert.equal(wording.doingText(heard(fix({ velocity: 34.4 })), NOON, METRIC), "On the way · 34 km/h");
  assert.equal(wording.doingText(heard(fix({ velocity: 2, in_regions: ["Gym"] })), NOON, METRIC), "Gym");
});

test("a speed of three hours ago says nothing about now", () => {
  assert.equal(wording.doingText(heard(fix({ velocity: 34, in_regions: ["School"] })), NOON + 3 * 3600, METRIC), "School");
});

test("without a name of the place, the place itself is told, on its side of the globe", () => {
  assert.equal(wording.doingText(heard(fix({ latitude: -33.86, longitude: -70.5 })), NOON, METRIC), "33.8600° S, 70.5000° W");
});

test("a fix that is much older than its report says so", () => {
  const late = fix({ timestamp_unix: NOON - 720, in_regions: ["Home"] });
  assert.equal(wording.doingText(heard(late), NOON, METRIC), "Home · fix 12 min old");
});

test("a phone at rest that repeats its old fix is not silent, but its fix is old", () => {
  const resting = { fix: fix({ in_regions: ["Home"] }), heard: NOON + 3 * 3600 };
  assert.equal(wording.rowAge(resting, NOON + 3 * 3600 + 60), "1 min");
  assert.equal(wording.doingText(resting, NOON + 3 * 3600 + 60, METRIC), "Home · fix 3 h old");
});

test("accuracy is rounded, and told in kilometres when it is that bad", () => {
  const told = [null, 0, 12.4, 9999, 25_400].map((accuracy) => wording.accuracyText(fix({ accuracy }), METRIC));
  assert.deepEqual(told, ["", "±0 m", "±12 m", "±9999 m", "±25 km"]);
});

test("fifteen percent is low, sixteen is not, zero is shown and unknown is not", () => {
  const low = [0, 15, 16, 100].map((level) => wording.battery(fix({ battery_level: level }))?.low);
  assert.deepEqual(low, [true, true, false, false]);
  assert.equal(wording.battery(fix({ battery_level: 0 }))?.text, "0 %");
  assert.equal(wording.battery(fix({ battery_level: null })), null);
});

test("a charging battery looks and sounds like one", () => {
  const charging = wording.battery(fix({ battery_level: 9, battery_status: 2 }));
  assert.deepEqual([charging?.icon, charging?.spoken], ["battery-charging", "battery 9 percent, charging"]);
});

test("age in a row gets its 'ago' when it becomes a concern", () => {
  assert.deepEqual([12, 240, 3 * 3600].map((age) => wording.rowAge(heard(fix()), NOON + age)), ["12 s", "4 min", "3 h ago"]);
});

test("a tag tells speed while moving and age otherwise", () => {
  assert.equal(wording.tagText("Ben", heard(fix({ velocity: 34 })), NOON, METRIC), "Ben · 34 km/h");
  assert.equal(wording.tagText("Clara", heard(fix()), NOON + 240, METRIC), "Clara · 4 min");
});

test("one phone goes by its person's name, several by their own", () => {
  const one = apply(EMPTY, { kind: "fix", fix: fix() });
  assert.deepEqual([...wording.labels(people(one, "anna"), ANNA)], [["anna/phone", "Anna"]]);
  const two = apply(one, { kind: "fix", fix: fix({ device: "anna/a b", device_name: "anna/a b" }) });
  assert.deepEqual([...wording.labels(people(two, "anna"), ANNA).values()].sort(), ["a b", "phone"]);
});

test("initials are two characters as a reader counts them", () => {
  const given = ["anna", "X", " om", "", "👩‍🚀mia", "<b>"].map(wording.initials);
  assert.deepEqual(given, ["An", "X", "Om", "?", "👩‍🚀m", "<b"]);
});

test("facts leave out what is not known", () => {
  const names = wording.facts(heard(fix({ altitude: null, accuracy: null, connection_type: null })), ANNA).map(([name]) => name);
  assert.deepEqual(names, ["Reported", "Position"]);
});

test("who thinks in miles or in knots is told so everywhere", () => {
  const moving = fix({ velocity: 100, altitude: 1000, accuracy: 30 });
  const told = [IMPERIAL, NAUTICAL].map((units) => {
    const known = new Map(wording.facts(heard(moving), { ...ANNA, units }));
    return [
      wording.doingText(heard(moving), NOON, units), wording.tagText("Ben", heard(moving), NOON, units),
      known.get("Speed"), known.get("Altitude"), known.get("Accuracy"),
    ];
  });
  assert.deepEqual(told, [
    ["On the way · 62 mph", "Ben · 62 mph", "62 mph", "3281 ft", "±98 ft"],
    ["On the way · 54 kn", "Ben · 54 kn", "54 kn", "1000 m", "±30 m"],
  ]);
});
