import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, type Spot } from "../../static/src/map/arrange.ts";

const spot = (key: string, x: number, y: number): Spot => ({ key, x, y, tagWidth: 70, onTop: key === "selected" });

test("pins that are far apart stay where they are, with their tags", () => {
  const arranged = arrange([spot("a", 0, 0), spot("b", 200, 200)]);
  assert.deepEqual([...arranged.values()], [{ dx: 0, dy: 0, tag: true }, { dx: 0, dy: 0, tag: true }]);
});

test("pins on one spot fan out round the first, until none covers another", () => {
  const spots = Array.from({ length: 12 }, (_, index) => spot(`${index}`, 100, 100));
  const placed = spots.map(({ key, x, y }) => {
    const { dx, dy } = arrange(spots).get(key) ?? { dx: NaN, dy: NaN };
    return [x + dx, y + dy] as const;
  });
  assert.deepEqual(placed[0], [100, 100]);
  placed.forEach(([x, y], index) => {
    placed.slice(index + 1).forEach(([ox, oy]) => assert.ok(Math.hypot(x - ox, y - oy) > 40));
  });
});

test("where tags would collide the more important pin keeps its own", () => {
  const arranged = arrange([spot("selected", 0, 0), spot("other", 50, 5), spot("far", 400, 0)]);
  assert.deepEqual(["selected", "other", "far"].map((key) => arranged.get(key)?.tag), [true, false, true]);
});

test("a tag that lies under another pin is not shown, but for the selected one's, which lies above all", () => {
  const below = spot("below", 0, 42);
  assert.equal(arrange([spot("above", 0, 0), below]).get("above")?.tag, false);
  assert.equal(arrange([spot("selected", 0, 0), below]).get("selected")?.tag, true);
});
