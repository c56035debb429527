import assert from "node:assert/strict";
import { test } from "node:test";
import { along, GLIDE, glides } from "../../static/src/map/glide.ts";

test("a pin glides over a street and jumps over a country, and for calm people always jumps", () => {
  assert.equal(glides([11.55, 48.14], [11.56, 48.14], false), true);
  assert.equal(glides([11.55, 48.14], [13.4, 52.5], false), false);
  assert.equal(glides([11.55, 48.14], [11.56, 48.14], true), false);
  assert.equal(glides([11.55, 48.14], [11.55, 48.14], false), false);
});

test("a glide begins where it was, ends exactly where it should, and takes the short way round the globe", () => {
  assert.deepEqual(along([0, 0], [1, 1], 0), [0, 0]);
  assert.deepEqual(along([0, 0], [1, 1], GLIDE + 50), [1, 1]);
  const [longitude] = along([179.999, 0], [-179.999, 0], GLIDE / 2);
  assert.ok(longitude > 179.999 && longitude < 180.001);
});
