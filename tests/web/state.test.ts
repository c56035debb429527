import assert from "node:assert/strict";
import { test } from "node:test";
import { MapState } from "../../static/src/map/state.ts";
import { EMPTY, readHousehold } from "../../static/src/people/household.ts";
import { ANNA, fix, location, NOON } from "./samples.ts";

function twoPeople(): MapState {
  const household = readHousehold([], [location(), location({ device_name: "ben/phone" })]);
  return new MapState(ANNA, household, NOON);
}

test("a fix moves the row and lengthens the way", () => {
  const state = twoPeople();
  state.apply({ kind: "fix", fix: fix({ timestamp_unix: NOON + 9, reported_at_unix: NOON + 9, velocity: 34 }) });
  assert.equal(state.rows.value[0]?.doing, "On the way · 34 km/h");
  assert.equal(state.tracks.value.get("anna/phone")?.length, 1);
});

test("what came live while the way was being read is not lost", () => {
  const state = new MapState(ANNA, EMPTY, NOON);
  state.apply({ kind: "fix", fix: fix({ timestamp_unix: NOON + 9 }) });
  state.readTrack("anna/phone", [{ at: NOON, place: [11, 48], accuracy: null }]);
  assert.deepEqual(state.tracks.value.get("anna/phone")?.map((point) => point.at), [NOON, NOON + 9]);
});

test("following ends when somebody else is selected, and only then", () => {
  const state = twoPeople();
  state.select("ben/phone");
  state.following.value = "ben/phone";
  state.select("ben/phone");
  assert.equal(state.following.value, "ben/phone");
  state.select("anna/phone");
  assert.equal(state.following.value, null);
});

test("keys walk the list and stop at its ends", () => {
  const state = twoPeople();
  assert.equal(state.neighbour(1), "anna/phone");
  assert.equal(state.neighbour(-1), "ben/phone");
  state.select("ben/phone");
  assert.deepEqual([state.neighbour(1), state.neighbour(-1)], ["ben/phone", "anna/phone"]);
});

test("only after five minutes without the server the page says how old it is", () => {
  const state = twoPeople();
  state.connection.value = "retrying";
  state.now.value = NOON + 300;
  assert.equal(state.longAway.value, false);
  state.now.value = NOON + 301;
  assert.equal(state.longAway.value, true);
  state.connection.value = "live";
  assert.equal(state.longAway.value, false);
});

test("a person's other phones fold out and in again", () => {
  const state = twoPeople();
  state.toggleFolding("anna");
  assert.deepEqual([...state.unfolded.value], ["anna"]);
  state.toggleFolding("anna");
  assert.equal(state.unfolded.value.size, 0);
});
