// Pins that would cover each other: fans them out and decides which keep their tags. Pure; screen pixels.

export interface Spot {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  /** Of the tag under the pin, in pixels. */
  readonly tagWidth: number;
  /** Lies above all others, tag and all: the selected one. */
  readonly onTop: boolean;
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

/** `spots` in order of importance: the earlier one stays in place and keeps its tag. */
export function arrange(spots: readonly Spot[]): ReadonlyMap<string, Arranged> {
  const moves = new Map(group(spots).flatMap(fanOut).map((move) => [move.spot.key, move]));
  const placed = spots.map((spot) => {
    const { dx, dy } = moves.get(spot.key) ?? { dx: 0, dy: 0 };
    return { ...spot, x: spot.x + dx, y: spot.y + dy };
  });
  const tagged: Spot[] = [];
  return new Map(
    placed.map((spot): [string, Arranged] => {
      const covered = placed.some((other) => other !== spot && pinOnTag(other, spot));
      const tag = spot.onTop || (!covered && tagged.every((other) => !tagOnTag(spot, other)));
      if (tag) tagged.push(spot);
      const { dx, dy } = moves.get(spot.key) ?? { dx: 0, dy: 0 };
      return [spot.key, { dx, dy, tag }];
    }),
  );
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

function tagOnTag(one: Spot, other: Spot): boolean {
  return Math.abs(one.x - other.x) < (one.tagWidth + other.tagWidth) / 2 && Math.abs(one.y - other.y) < TAG_HEIGHT;
}

/** Whether this pin covers that one's tag. */
function pinOnTag(pin: Spot, tagged: Spot): boolean {
  const across = Math.abs(pin.x - tagged.x) < (NEAR + tagged.tagWidth) / 2;
  return across && Math.abs(tagged.y + TAG_BELOW - pin.y) < (NEAR + TAG_HEIGHT) / 2;
}
