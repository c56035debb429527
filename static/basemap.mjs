// The built-in base map: land and inner borders of Natural Earth as vector tiles, made once at build time so
// that a map is there without asking anybody. Decides geometry and zoom levels; colours are the page's.
//
// world-atlas is cut for a sphere: its rings run over the date line. Flat tiling would take such a step for
// one right across the world and flood whole bands of sea, so every ring is unrolled first.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { GeoJSONVT } from "@maplibre/geojson-vt";
import { fromGeojsonVt } from "@maplibre/vt-pbf";
import * as topojson from "topojson-client";

/** Tiles exist for zoom 0 to this one; the map stretches the last ones further in. */
export const MAX_ZOOM = 5;

const TILING = { maxZoom: MAX_ZOOM, indexMaxZoom: MAX_ZOOM, indexMaxPoints: 0, tolerance: 4, buffer: 32 };
/** A ring whose unrolled ends are this far apart went round a pole (degrees). */
const ROUND_THE_POLE = 180;

/** Longitudes without jumps: a step of more than 180 degrees went the other way round. */
export function unroll(ring) {
  let turn = 0;
  return ring.map(([longitude, latitude], index) => {
    const step = index === 0 ? 0 : longitude - ring[index - 1][0];
    if (step > 180) turn -= 360;
    if (step < -180) turn += 360;
    return [longitude + turn, latitude];
  });
}

/** An unrolled ring that went round a pole, closed by way of that pole. */
function closeRing(ring) {
  const [first, last] = [ring[0], ring[ring.length - 1]];
  if (Math.abs(last[0] - first[0]) < ROUND_THE_POLE) return ring;
  const pole = first[1] < 0 ? -90 : 90;
  return [...ring, [last[0], pole], [first[0], pole], first];
}

/** A polygon with its holes moved to where its unrolled outline lies. */
function unrollPolygon([outline, ...holes]) {
  const outer = closeRing(unroll(outline));
  const middle = centre(outer);
  return [outer, ...holes.map((hole) => shift(unroll(hole), middle))];
}

function centre(ring) {
  const longitudes = ring.map(([longitude]) => longitude);
  return (Math.min(...longitudes) + Math.max(...longitudes)) / 2;
}

function shift(ring, towards) {
  const turns = Math.round((towards - centre(ring)) / 360);
  return turns === 0 ? ring : ring.map(([longitude, latitude]) => [longitude + 360 * turns, latitude]);
}

function feature(geometry) {
  return { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] };
}

async function readWorld() {
  const path = createRequire(import.meta.url).resolve("world-atlas/countries-10m.json");
  return JSON.parse(await readFile(path, "utf8"));
}

/** GeoJSON of the world: `land` without inner borders, and the `borders` between countries. */
export async function worldShapes() {
  const world = await readWorld();
  const countries = world.objects.countries;
  const land = topojson.merge(world, countries.geometries);
  const borders = topojson.mesh(world, countries, (one, other) => one !== other);
  return {
    land: feature({ type: "MultiPolygon", coordinates: land.coordinates.map(unrollPolygon) }),
    borders: feature({ type: "MultiLineString", coordinates: borders.coordinates.map(unroll) }),
  };
}

/** Every tile as `[zoom, x, y, bytes]`; an empty one (open sea) has no bytes. */
function* tiles(shapes) {
  const layers = Object.entries(shapes).map(([name, shape]) => [name, new GeoJSONVT(shape, TILING)]);
  for (let zoom = 0; zoom <= MAX_ZOOM; zoom += 1) {
    for (let x = 0; x < 2 ** zoom; x += 1) {
      for (let y = 0; y < 2 ** zoom; y += 1) {
        const found = layers.map(([name, index]) => [name, index.getTile(zoom, x, y)]);
        const filled = found.filter(([, tile]) => tile !== null && tile.features.length > 0);
        const bytes = filled.length === 0 ? Buffer.alloc(0) : fromGeojsonVt(Object.fromEntries(filled), { version: 2 });
        yield [zoom, x, y, bytes];
      }
    }
  }
}

/**
 * Writes `folder/{z}/{x}/{y}.pbf.gz` for the whole world: only compressed, for every browser takes gzip.
 * Open sea has its (empty) file too, so that no request for a tile ever fails.
 */
export async function writeBasemap(folder) {
  let count = 0;
  for (const [zoom, x, y, bytes] of tiles(await worldShapes())) {
    const path = join(folder, String(zoom), String(x), `${y}.pbf.gz`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, gzipSync(bytes, { level: 9 }));
    count += 1;
  }
  return count;
}
