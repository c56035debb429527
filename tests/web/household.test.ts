import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, colours, EMPTY, inOrder, people, readChange, readHousehold } from "../../static/src/people/household.ts";
import { fix, location, NOON } from "./samples.ts";

const device = (name: string, more: object = {}) => ({
  device_name: name, owner_username: name.split("/")[0], is_online: true, ...more,
});
const at = (name: string, seconds: number) =>
  location({ device: name, device_name: name, timestamp_unix: NOON + seconds, reported_at_unix: NOON + seconds });

test("the viewer comes first, then whoever reported last", () => {
  const names = ["anna/phone", "ben/phone", "clara/phone"];
  const household = readHousehold(names.map((name) => device(name)), [at("anna/phone", 0), at("ben/phone", 9), at("clara/phone", 90)]);
  assert.deepEqual(people(household, "anna").map((person) => person.owner), ["anna", "clara", "ben"]);
  assert.deepEqual(people(household, "ben").map((person) => person.owner), ["ben", "clara", "anna"]);
});

test("of a person's phones the one that reported last leads, the others follow", () => {
  const household = readHousehold([], [at("anna/old", 1), at("anna/new", 7), at("anna/older", 0)]);
  const [anna] = people(household, "anna");
  assert.deepEqual([anna?.lead.name, ...(anna?.others ?? []).map((one) => one.name)], ["anna/new", "anna/old", "anna/older"]);
  assert.equal(inOrder(people(household, "anna")).length, 3);
});

test("a device that was nowhere yet has no row", () => {
  assert.deepEqual(people(readHousehold([device("anna/phone")], []), "anna"), []);
});

test("a late or repeated message changes nothing, not even the object", () => {
  const household = apply(EMPTY, { kind: "fix", fix: fix() });
  assert.equal(apply(household, { kind: "fix", fix: fix() }), household);
  assert.equal(apply(household, { kind: "fix", fix: fix({ reported_at_unix: NOON - 1 }) }), household);
  assert.equal(apply(household, { kind: "status", device: "anna/phone", online: false, at: 0 }), household);
});

test("a fix of a device nobody knew makes it known, with its owner from its name", () => {
  const household = apply(EMPTY, { kind: "fix", fix: fix({ device: "ben/new", device_name: "ben/new" }) });
  assert.equal(household.devices.get("ben/new")?.owner, "ben");
});

test("messages become changes; those of other kinds are none of ours", () => {
  assert.equal(readChange("location", location())?.kind, "fix");
  assert.equal(readChange("location", {}), null);
  assert.equal(readChange("transition", location()), null);
  const gone = readChange("device_status", { device_id: "anna/phone", is_online: false, at: "2026-11-24T07:00:00Z" });
  assert.deepEqual(gone, { kind: "status", device: "anna/phone", online: false, at: 1_795_503_600 });
});

test("a phone that repeats itself was heard then; one that delivers late was heard when it says", () => {
  const heard = (seen: number, reported: number) => {
    const said = location({ reported_at_unix: NOON + reported });
    const [anna] = people(readHousehold([device("anna/phone", { last_seen_unix: NOON + seen })], [said]), "anna");
    return (anna?.lead.heard ?? NaN) - NOON;
  };
  assert.equal(heard(1800, 0), 1800);
  assert.equal(heard(0, -7200), -7200);
});

test("a colour stays when somebody reports, and the server's word on it rules", () => {
  const household = readHousehold([device("anna/b"), device("anna/a"), device("anna/c", { color: 1 })], []);
  const before = colours(household);
  assert.deepEqual([...before].sort(), [["anna/a", 2], ["anna/b", 3], ["anna/c", 1]]);
  const after = colours(apply(household, { kind: "fix", fix: fix({ device: "anna/b", device_name: "anna/b" }) }));
  assert.deepEqual([...after].sort(), [...before].sort());
});

test("a new device takes no colour from those that were there, whatever its name", () => {
  const there = [
    device("anna/b", { created_at: "2026-01-01T00:00:00Z" }),
    device("anna/a", { created_at: "2026-02-01T00:00:00Z" }),
  ];
  const before = readHousehold(there, []);
  assert.deepEqual([...colours(before)], [["anna/b", 1], ["anna/a", 2]]);
  const live = apply(before, { kind: "fix", fix: fix({ device: "anna/0", device_name: "anna/0" }) });
  assert.equal(colours(live).get("anna/0"), 3);
  const reloaded = readHousehold([device("anna/0", { created_at: "2026-03-01T00:00:00Z" }), ...there], []);
  assert.deepEqual([...colours(reloaded)].sort(), [...colours(live)].sort());
});

test("odd entries of a list are passed over", () => {
  assert.equal(readHousehold([null, 3, {}, { device_name: 4 }], [null, {}]).devices.size, 0);
});
