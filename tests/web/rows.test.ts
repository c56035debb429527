import assert from "node:assert/strict";
import { test } from "node:test";
import { readHousehold } from "../../static/src/people/household.ts";
import { allRows, entries, personRows, steady } from "../../static/src/people/rows.ts";
import { ANNA, location, NOON } from "./samples.ts";

const at = (name: string, seconds: number) =>
  location({ device_name: name, timestamp_unix: NOON + seconds, reported_at_unix: NOON + seconds });

test("nobody's row jumps away while the list is in use; newcomers go to the end", () => {
  const household = readHousehold([], [at("anna/p", 0), at("ben/p", 1), at("clara/p", 2), at("dora/p", 3)]);
  const kept = steady(personRows(household, ANNA, NOON), ["anna", "ben", "clara"]);
  assert.deepEqual(kept.map((person) => person.owner), ["anna", "ben", "clara", "dora"]);
});

test("with nobody else there, each of one's phones has a row of its own", () => {
  const alone = readHousehold([], [at("anna/p", 0), at("anna/q", 1)]);
  assert.deepEqual(entries(personRows(alone, ANNA, NOON)).map(({ name, others }) => [name, others.length]), [["q", 0], ["p", 0]]);
  const two = readHousehold([], [at("anna/p", 0), at("anna/q", 1), at("ben/p", 1)]);
  assert.deepEqual(entries(personRows(two, ANNA, NOON)).map(({ name, others }) => [name, others.length]), [["Anna", 1], ["ben", 0]]);
});

test("the ninth device has the first one's colour and a second ring", () => {
  const names = Array.from({ length: 9 }, (_, index) => `anna/${index}`);
  const rows = allRows(personRows(readHousehold([], names.map((name) => at(name, 0))), ANNA, NOON));
  const ninth = rows.find((row) => row.device === "anna/8");
  assert.deepEqual([ninth?.colour, ninth?.secondRound], [1, true]);
  assert.equal(rows.filter((row) => row.secondRound).length, 1);
});

test("a row carries names as they are: markup in them is text and stays whole", () => {
  const name = "anna/<img src=x onerror=alert(1)>";
  const [row] = allRows(personRows(readHousehold([], [at(name, 0), at("anna/b", -1)]), ANNA, NOON));
  assert.equal(row?.label, "<img src=x onerror=alert(1)>");
});
