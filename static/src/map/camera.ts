// Where the map looks, as the part of the address behind the # ("11.20/48.1400/11.5500"), so that Back, reload
// and a copied address show the same. Pure.

export interface View {
  readonly zoom: number;
  readonly latitude: number;
  readonly longitude: number;
}

/** So close as the base map has something to show; where nobody is, there is nothing else. */
const HOME_ZOOM = 9;

export const WORLD: View = { zoom: 1.3, latitude: 25, longitude: 10 };

function isOnEarth(latitude: number, longitude: number): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

/** Somebody's home as the server writes it, latitude and longitude; null: they told of none. */
export function readHome(value: unknown): View | null {
  const [latitude, longitude] = Array.isArray(value) ? value : [];
  if (typeof latitude !== "number" || typeof longitude !== "number") return null;
  return isOnEarth(latitude, longitude) ? { zoom: HOME_ZOOM, latitude, longitude } : null;
}

/** Null for anything that is not a view on earth. */
export function readView(hash: string): View | null {
  const numbers = hash.replace(/^#/, "").split("/").map(Number);
  const [zoom, latitude, longitude] = numbers;
  if (numbers.length !== 3 || zoom === undefined || latitude === undefined || longitude === undefined) return null;
  return zoom >= 0 && zoom <= 24 && isOnEarth(latitude, longitude) ? { zoom, latitude, longitude } : null;
}

export function writeView({ zoom, latitude, longitude }: View): string {
  return `#${zoom.toFixed(2)}/${latitude.toFixed(4)}/${wrap(longitude).toFixed(4)}`;
}

/** The same meridian between -180 and 180, however often the map was turned round. */
function wrap(longitude: number): number {
  return ((((longitude + 180) % 360) + 360) % 360) - 180;
}
