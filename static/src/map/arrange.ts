// Pins that would cover each other: fans them out and decides which keep their tags. Pure; screen pixels.

export interface Spot {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  /** Of the tag under the pin, in pixels. */
  readonly tagWidth: number;
}

export interface Arranged {
  readonly dx: number;
  readonly dy: number;
  readonly tag: boolean;
}

/** Nearer than this, pins fan out. */
const NEAR = 40;
const TAG_HEIGHT = 22;
/** From a pin's middle to its tag's. */
const TAG_BELOW = 38;

/** `spots` in order of importance: the first (the selected one) stays in place and keeps its tag. */
export function arrange(spots: readonly Spot[]): ReadonlyMap<string, Arranged> {
  const groups = group(spots);
  const moved = groups.flatMap(fanOut);
  const kept: Spot[] = [];
  const arranged = new Map<string, Arranged>();
  const order = new Map(spots.map((spot, index) => [spot.key, index]));
  for (const { spot, dx, dy } of moved.sort((a, b) => order.get(a.spot.key)! - order.get(b.spot.key)!)) {
    const placed = { ...spot, x: spot.x + dx, y: spot.y + dy };
    const tag = kept.every((other) => !tagsCollide(placed, other));
    if (tag) kept.push(placed);
    arranged.set(spot.key, { dx, dy, tag });
  }
  return arranged;
}

interface Moved {
  readonly spot: Spot;
  readonly dx: number;
  readonly dy: number;
}

/** Each spot joins the first group whose head is near. */
function group(spots: readonly Spot[]): readonly (readonly Spot[])[] {
  const groups: Spot[][] = [];
  for (const spot of spots) {
    const near = groups.find(([head]) => head !== undefined && Math.hypot(head.x - spot.x, head.y - spot.y) < NEAR);
    if (near === undefined) groups.push([spot]);
    else near.push(spot);
  }
  return groups;
}

/** The head stays; the others stand round it, as far apart as pins need. */
function fanOut([head, ...others]: readonly Spot[]): readonly Moved[] {
  if (head === undefined) return [];
  const radius = Math.max(NEAR + 6, ((NEAR + 4) * others.length) / (2 * Math.PI));
  const around = others.map((spot, index): Moved => {
    const angle = -Math.PI / 2 + (2 * Math.PI * (index + 0.5)) / others.length;
    const [x, y] = [head.x + radius * Math.cos(angle), head.y + radius * Math.sin(angle)];
    return { spot, dx: Math.round(x - spot.x), dy: Math.round(y - spot.y) };
  });
  return [{ spot: head, dx: 0, dy: 0 }, ...around];
}

/** A tag must not lie on another tag, nor on another pin. */
function tagsCollide(one: Spot, other: Spot): boolean {
  const [across, down] = [Math.abs(one.x - other.x), one.y - other.y];
  const tagOnTag = across < (one.tagWidth + other.tagWidth) / 2 && Math.abs(down) < TAG_HEIGHT;
  const tagOnPin = across < (one.tagWidth + NEAR) / 2 && Math.abs(down + TAG_BELOW) < NEAR / 2 + TAG_HEIGHT / 2;
  return tagOnTag || tagOnPin;
}
