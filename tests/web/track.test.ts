import assert from "node:assert/strict";
import { test } from "node:test";
import { add, from, merge, type Point, stretches } from "../../static/src/tracks/track.ts";

const point = (at: number, longitude = at / 1000, accuracy: number | null = 10): Point => ({ at, place: [longitude, 48], accuracy });

test("a late point finds its place by time, and a repeated one is there only once", () => {
  const track = [point(0), point(60), point(120)];
  assert.deepEqual(add(track, point(90)).map((one) => one.at), [0, 60, 90, 120]);
  assert.equal(add(track, point(60)), track);
});

test("what was read and what came live make one way", () => {
  const merged = merge([point(0), point(60)], [point(60), point(120)]);
  assert.deepEqual(merged.map((one) => one.at), [0, 60, 120]);
});

test("half an hour without a report is a gap, a minute less is not", () => {
  const gaps = (pause: number) => stretches([point(0), point(60), point(60 + pause), point(120 + pause)]).map((one) => one.gap);
  assert.deepEqual(gaps(30 * 60), [false]);
  assert.deepEqual(gaps(30 * 60 + 1), [false, true, false]);
});

test("a jump of kilometres with a vague fix is a gap, a precise one is a way", () => {
  const jump = (accuracy: number) => stretches([point(0, 11), point(60, 11.1, accuracy)]).map((one) => one.gap);
  assert.deepEqual([jump(10), jump(501)], [[false], [true]]);
});

test("one lone point draws nothing", () => {
  assert.deepEqual(stretches([point(0)]), []);
  assert.deepEqual(stretches([]), []);
});

test("a way over the date line does not go round the world", () => {
  const [way] = stretches([point(0, 179.9), point(60, -179.9)]);
  const longitudes = (way?.places ?? []).map(([longitude]) => longitude);
  assert.ok(Math.abs((longitudes[1] ?? 0) - 180.1) < 1e-9);
});

test("yesterday's points go when the day turns", () => {
  assert.deepEqual(from([point(0), point(60)], 60).map((one) => one.at), [60]);
});
