import assert from "node:assert/strict";
import { test } from "node:test";
import { bounds, circle, distance, type Place } from "../../static/src/map/geometry.ts";

const MUNICH: Place = [11.575, 48.137];

test("Munich and Berlin are 504 kilometres apart, and nothing is far from itself", () => {
  assert.ok(Math.abs(distance(MUNICH, [13.405, 52.52]) - 504_000) < 1500);
  assert.equal(distance(MUNICH, MUNICH), 0);
});

test("each corner of a circle is as far from its middle as it should be, near the pole too", () => {
  for (const centre of [MUNICH, [179.9, -17], [20, 85]] as Place[]) {
    for (const corner of circle(centre, 400)) assert.ok(Math.abs(distance(centre, corner) - 400) < 0.01);
  }
});

test("a circle is closed", () => {
  const ring = circle(MUNICH, 12);
  assert.deepEqual(ring[0], ring.at(-1));
});

test("a box goes the short way round, over the date line if that is shorter", () => {
  assert.deepEqual(bounds([[11, 48], [13, 52]]), { west: 11, south: 48, east: 13, north: 52 });
  assert.deepEqual(bounds([[179, -17], [-178, -18]]), { west: 179, south: -18, east: 182, north: -17 });
  assert.equal(bounds([]), null);
});

test("a day of points makes a box", () => {
  const many = Array.from({ length: 300_000 }, (_, index): Place => [index / 1e4, 1]);
  assert.equal(bounds(many)?.west, 0);
});
