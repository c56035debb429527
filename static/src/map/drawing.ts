// Tracks and the accuracy disc as GeoJSON for the map's sources. Pure.

import type { Feature, FeatureCollection } from "geojson";
import type { Fix } from "../people/fix.ts";
import type { Row } from "../people/rows.ts";
import { from, stretches, type Track } from "../tracks/track.ts";
import { circle, type Place } from "./geometry.ts";

/** Metres; a disc beyond it would cover countries and say nothing. */
const LARGEST_DISC = 100_000;

export function placeOf(fix: Fix): Place {
  return [fix.longitude, fix.latitude];
}

function collection(features: Feature[]): FeatureCollection {
  return { type: "FeatureCollection", features };
}

/** Each device's way since `since` (Unix seconds), in its colour; the selected one's is marked. */
export function trackFeatures(
  rows: readonly Row[], tracks: ReadonlyMap<string, Track>, selected: string | null, since: number,
): FeatureCollection {
  return collection(
    rows.flatMap((row) =>
      stretches(from(tracks.get(row.device) ?? [], since)).map(({ places, gap }): Feature => ({
        type: "Feature",
        properties: { colour: row.colour, selected: row.device === selected, gap },
        geometry: { type: "LineString", coordinates: places.map((place) => [...place]) },
      })),
    ),
  );
}

/** How sure the selected one's place is; nothing when the phone did not say. */
export function discFeatures(row: Row | undefined): FeatureCollection {
  const accuracy = row?.fix.accuracy ?? 0;
  if (row === undefined || accuracy <= 0 || accuracy > LARGEST_DISC) return collection([]);
  const ring = circle(placeOf(row.fix), accuracy).map((place) => [...place]);
  return collection([
    { type: "Feature", properties: { colour: row.colour }, geometry: { type: "Polygon", coordinates: [ring] } },
  ]);
}
