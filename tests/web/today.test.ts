import assert from "node:assert/strict";
import { test } from "node:test";
import { firstPage, readToday } from "../../static/src/tracks/today.ts";
import { location, NOON } from "./samples.ts";

test("a device's name reaches the server whole, whatever is in it", () => {
  const { searchParams } = new URL(firstPage("anna/a&b=c d", NOON), "http://x");
  assert.equal(searchParams.get("device"), "anna/a&b=c d");
  assert.deepEqual([searchParams.get("ordering"), searchParams.get("since_id")], ["timestamp", ""]);
});

test("every page is read, of our own server only", async () => {
  const asked: string[] = [];
  const pages = [
    { next: "http://elsewhere.example/api/locations?since_id=7", results: [location({ timestamp_unix: NOON })] },
    { next: null, results: [location({ timestamp_unix: NOON + 60 }), { odd: true }] },
  ];
  const points = await readToday((path) => {
    asked.push(path);
    return Promise.resolve(pages[asked.length - 1] ?? {});
  }, "anna/phone", NOON);
  assert.deepEqual(points.map((one) => one.at), [NOON, NOON + 60]);
  assert.equal(asked[1], "/api/locations?since_id=7");
});

test("a server that always names a next page is not followed for ever", async () => {
  let asked = 0;
  await readToday(() => {
    asked += 1;
    return Promise.resolve({ next: "/api/locations?x", results: [location()] });
  }, "anna/phone", NOON);
  assert.equal(asked, 20);
});
