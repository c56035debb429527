import assert from "node:assert/strict";
import { test } from "node:test";
import { following, heightOf, settle } from "../../static/src/sheet/stops.ts";

const ROOM = 784;

test("a sheet that is let go comes to rest at the nearest stop", () => {
  assert.deepEqual([100, 260, 300, 500, 600].map((height) => settle(height, 0, ROOM)), ["peek", "peek", "half", "half", "full"]);
});

test("a flick carries it one further", () => {
  assert.equal(settle(390, 1500, ROOM), "full");
  assert.equal(settle(390, -1500, ROOM), "peek");
});

test("pressing its handle goes up, and from the top down", () => {
  assert.deepEqual((["peek", "half", "full"] as const).map(following), ["half", "full", "peek"]);
});

test("on a low screen half is never more than full", () => {
  assert.ok(heightOf("half", 300) <= heightOf("full", 300));
});
