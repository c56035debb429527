// MapLibre's style of our map: sources, layers from the sea up, and their paint out of a palette. Pure values.

import type { FeatureCollection } from "geojson";
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import type { Palette } from "./palette.ts";

/** Must be what basemap.mjs made. */
const BASEMAP_MAX_ZOOM = 5;
const nothingYet = (): FeatureCollection => ({ type: "FeatureCollection", features: [] });

/** Of the features of tracks and discs: which colour, and whether the person is selected. */
function deviceColour({ devices }: Palette): ExpressionSpecification {
  const cases = devices.slice(1).flatMap((colour, index): [number, string] => [index + 1, colour]);
  return ["match", ["get", "colour"], ...cases, devices[0] ?? "#888888"] as unknown as ExpressionSpecification;
}

export function layers(palette: Palette): LayerSpecification[] {
  const colour = deviceColour(palette);
  const round = { "line-cap": "round", "line-join": "round" } as const;
  const selected: ExpressionSpecification = ["get", "selected"];
  const whole: ExpressionSpecification = ["!", ["get", "gap"]];
  return [
    { id: "sea", type: "background", paint: { "background-color": palette.sea } },
    { id: "land", type: "fill", source: "base", "source-layer": "land", paint: { "fill-color": palette.land } },
    {
      id: "borders",
      type: "line",
      source: "base",
      "source-layer": "borders",
      layout: round,
      paint: { "line-color": palette.border, "line-width": 0.8 },
    },
    { id: "disc", type: "fill", source: "disc", paint: { "fill-color": colour, "fill-opacity": 0.14 } },
    { id: "disc-edge", type: "line", source: "disc", paint: { "line-color": colour, "line-opacity": 0.5 } },
    {
      id: "track-gaps",
      type: "line",
      source: "tracks",
      filter: ["get", "gap"],
      paint: { "line-color": colour, "line-width": 2, "line-opacity": 0.7, "line-dasharray": [2, 3] },
    },
    {
      id: "tracks",
      type: "line",
      source: "tracks",
      filter: ["all", whole, ["!", selected]],
      layout: round,
      paint: { "line-color": colour, "line-width": 3, "line-opacity": 0.8 },
    },
    {
      id: "track-casing",
      type: "line",
      source: "tracks",
      filter: ["all", whole, selected],
      layout: round,
      paint: { "line-color": palette.surface, "line-width": 8 },
    },
    {
      id: "track-selected",
      type: "line",
      source: "tracks",
      filter: ["all", whole, selected],
      layout: round,
      paint: { "line-color": colour, "line-width": 4.5 },
    },
  ];
}

/** `basemap`: address of the folder of tiles, with scheme and host: a worker has no page to resolve it with. */
export function mapStyle(palette: Palette, basemap: string): StyleSpecification {
  return {
    version: 8,
    sources: {
      base: { type: "vector", tiles: [`${basemap}/{z}/{x}/{y}.pbf`], minzoom: 0, maxzoom: BASEMAP_MAX_ZOOM },
      disc: { type: "geojson", data: nothingYet() },
      tracks: { type: "geojson", data: nothingYet(), tolerance: 0.5 },
    },
    layers: layers(palette),
  };
}
