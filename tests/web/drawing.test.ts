import assert from "node:assert/strict";
import { test } from "node:test";
import { discFeatures, trackFeatures } from "../../static/src/map/drawing.ts";
import { layers } from "../../static/src/map/style.ts";
import { readHousehold } from "../../static/src/people/household.ts";
import { allRows, personRows } from "../../static/src/people/rows.ts";
import { ANNA, location, NOON } from "./samples.ts";

const rowsOf = (changes = {}) =>
  allRows(personRows(readHousehold([], [location(changes)]), ANNA, NOON));

test("the selected one's way is marked, so that it can be drawn above the others", () => {
  const track = [0, 60].map((at) => ({ at: NOON + at, place: [11 + at / 1e4, 48] as const, accuracy: 5 }));
  const [feature] = trackFeatures(rowsOf(), new Map([["anna/phone", track]]), "anna/phone", NOON).features;
  assert.deepEqual(feature?.properties, { colour: 1, selected: true, gap: false });
});

test("a disc shows how sure a place is; without a word on it, or beyond all sense, there is none", () => {
  const corners = (changes: object) => discFeatures(rowsOf(changes)[0]).features.length;
  assert.deepEqual([corners({}), corners({ accuracy: null }), corners({ accuracy: 0 }), corners({ accuracy: 1e7 })], [1, 0, 0, 0]);
  assert.equal(discFeatures(undefined).features.length, 0);
});

test("layers lie from the sea up, tracks above discs, the selected one on top", () => {
  const palette = { land: "#fff", sea: "#00f", border: "#888", surface: "#fff", devices: Array(9).fill("#123456") };
  const ids = layers(palette).map((layer) => layer.id);
  assert.deepEqual(ids, ["sea", "land", "borders", "disc", "disc-edge", "track-gaps", "tracks", "track-casing", "track-selected"]);
});
