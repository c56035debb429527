import assert from "node:assert/strict";
import { test } from "node:test";
import { metresPerPixel } from "../../static/src/map/geometry.ts";
import { heightText, IMPERIAL, lengthText, METRIC, NAUTICAL, scaleBar, speedText, unitsNamed } from "../../static/src/units/units.ts";

const SYSTEMS = [METRIC, IMPERIAL, NAUTICAL];

test("a length is told in the next longer unit before it has five digits", () => {
  const told = SYSTEMS.map((units) => [0, 12.4, 3000, 9999, 25_400].map((metres) => lengthText(metres, units)));
  assert.deepEqual(told, [
    ["0 m", "12 m", "3000 m", "9999 m", "25 km"],
    ["0 ft", "41 ft", "9843 ft", "6 mi", "16 mi"],
    ["0 m", "12 m", "3000 m", "9999 m", "14 nmi"],
  ]);
});

test("heights stay in metres or feet, also those of aeroplanes and below the sea", () => {
  assert.deepEqual(SYSTEMS.map((units) => heightText(11_000, units)), ["11000 m", "36089 ft", "11000 m"]);
  assert.equal(heightText(-3.4, METRIC), "-3 m");
});

test("a speed is told as the speedometer would", () => {
  assert.deepEqual(SYSTEMS.map((units) => speedText(100, units)), ["100 km/h", "62 mph", "54 kn"]);
});

test("units are found by the profile's word, and are metric where that is none", () => {
  assert.deepEqual(["metric", "imperial", "nautical"].map(unitsNamed), SYSTEMS);
  assert.deepEqual(["", "constructor", "furlongs", null, undefined, 7].map(unitsNamed), Array(6).fill(METRIC));
});

test("the scale is the longest round length that fits, in each system", () => {
  const { pixels, text } = scaleBar(metresPerPixel(12, 48.137), 96, METRIC);
  assert.deepEqual([text, pixels <= 96, pixels > 96 / 2.5], ["1 km", true, true]);
  const rooms = [0.6, 5.5, 600, 2100, 2_500_000];
  assert.deepEqual(SYSTEMS.map((units) => rooms.map((metres) => scaleBar(metres / 100, 100, units).text)), [
    ["50 cm", "5 m", "500 m", "2 km", "2000 km"],
    ["1 ft", "10 ft", "1000 ft", "1 mi", "1000 mi"],
    ["50 cm", "5 m", "500 m", "1 nmi", "1000 nmi"],
  ]);
  assert.equal(scaleBar(0.001, 100, IMPERIAL).text, "2 in");
});
