// Distances and shapes on the globe. Pure. Longitude before latitude, as maps want it; metres, degrees.

export type Place = readonly [longitude: number, latitude: number];

const EARTH_RADIUS = 6_371_008.8;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;
const degrees = (angle: number): number => (angle * 180) / Math.PI;

/** Metres along the great circle. */
export function distance(from: Place, to: Place): number {
  const [north, east] = [radians(to[1] - from[1]) / 2, radians(to[0] - from[0]) / 2];
  const a = Math.sin(north) ** 2 + Math.cos(radians(from[1])) * Math.cos(radians(to[1])) * Math.sin(east) ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(a)));
}

/** A closed ring of that many metres round a place. */
export function circle(centre: Place, radius: number, corners = 64): Place[] {
  const arc = radius / EARTH_RADIUS;
  const [east, north] = [radians(centre[0]), radians(centre[1])];
  return Array.from({ length: corners + 1 }, (_, corner): Place => {
    const bearing = (2 * Math.PI * (corner % corners)) / corners;
    const latitude = Math.asin(
      Math.sin(north) * Math.cos(arc) + Math.cos(north) * Math.sin(arc) * Math.cos(bearing),
    );
    const turn = Math.atan2(
      Math.sin(bearing) * Math.sin(arc) * Math.cos(north),
      Math.cos(arc) - Math.sin(north) * Math.sin(latitude),
    );
    return [degrees(east + turn), degrees(latitude)];
  });
}

export interface Bounds {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

/** The smallest box round all places, over the date line where that is shorter; null for no place. */
export function bounds(places: readonly Place[]): Bounds | null {
  if (places.length === 0) return null;
  const latitudes = places.map(([, latitude]) => latitude);
  const [west, east] = span(places.map(([longitude]) => longitude));
  return { west, south: smallest(latitudes), east, north: largest(latitudes) };
}

/** A day has more points than a call may have arguments: no spreading. */
const smallest = (values: readonly number[]): number => values.reduce((one, other) => Math.min(one, other));
const largest = (values: readonly number[]): number => values.reduce((one, other) => Math.max(one, other));

/** West and east of the shorter way round; east may pass 180. */
function span(longitudes: readonly number[]): [number, number] {
  const plain: [number, number] = [smallest(longitudes), largest(longitudes)];
  const turned = longitudes.map((longitude) => (longitude < 0 ? longitude + 360 : longitude));
  const other: [number, number] = [smallest(turned), largest(turned)];
  return other[1] - other[0] < plain[1] - plain[0] ? other : plain;
}

/** Metres of one pixel at this zoom (512 px tiles) and latitude. */
export function metresPerPixel(zoom: number, latitude: number): number {
  return (2 * Math.PI * EARTH_RADIUS * Math.cos(radians(latitude))) / (512 * 2 ** zoom);
}
