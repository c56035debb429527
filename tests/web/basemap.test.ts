import assert from "node:assert/strict";
import { test } from "node:test";
// @ts-expect-error: part of the build, plain JavaScript
import { unroll, worldShapes } from "../../static/basemap.mjs";

type Ring = [number, number][];

test("a ring over the date line goes on instead of jumping back", () => {
  const unrolled: Ring = unroll([[179, 60], [-179, 61], [-178, 62], [179, 60]]);
  assert.deepEqual(unrolled.map(([longitude]) => longitude), [179, 181, 182, 179]);
});

test("no ring of the land has a step across the world: such a step floods the sea", async () => {
  const { land } = await worldShapes();
  const polygons: Ring[][] = land.features[0].geometry.coordinates;
  const steps = polygons.flat().flatMap((ring) =>
    ring.slice(1).map(([longitude, latitude], index) => ({
      step: Math.abs(longitude - (ring[index]?.[0] ?? NaN)), pole: Math.abs(latitude) === 90,
    })));
  assert.deepEqual(steps.filter(({ step, pole }) => step > 180 && !pole), []);
});
