import assert from "node:assert/strict";
import { test } from "node:test";
import { readHome, readView, writeView } from "../../static/src/map/camera.ts";

test("a view survives the address", () => {
  assert.deepEqual(readView(writeView({ zoom: 11.2, latitude: 48.14, longitude: 11.55 })), { zoom: 11.2, latitude: 48.14, longitude: 11.55 });
});

test("however often the map went round, the address names one meridian", () => {
  assert.equal(writeView({ zoom: 2, latitude: 0, longitude: 190 }), "#2.00/0.0000/-170.0000");
  assert.equal(writeView({ zoom: 2, latitude: 0, longitude: -540 }), "#2.00/0.0000/-180.0000");
});

test("an address that is no view on earth is none", () => {
  const odd = ["", "#", "#map", "#1/2", "#1/2/3/4", "#x/1/2", "#99/1/2", "#1/91/0", "#1/0/181"];
  assert.deepEqual(odd.map(readView), odd.map(() => null));
});

test("a home that is none on earth is none", () => {
  assert.deepEqual([readHome([48.1, 11.5])?.latitude, readHome([48.1, 11.5])?.longitude], [48.1, 11.5]);
  assert.deepEqual([null, undefined, [], [1], ["1", "2"], [91, 0], [0, 181], [NaN, 0], {}].map(readHome), Array(9).fill(null));
});
