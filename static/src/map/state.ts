// What the map page knows, as signals: one writer for each, everything else computed. No DOM, no network.

import { computed, type ReadonlySignal, signal, type Signal } from "@preact/signals-core";
import { LONG_AWAY } from "../live/lamp.ts";
import type { State } from "../live/machine.ts";
import { apply, type Change, EMPTY, type Household, inOrder, people } from "../people/household.ts";
import { allRows, type PersonRow, personRows, type Row } from "../people/rows.ts";
import type { Viewer } from "../people/viewer.ts";
import { add, merge, pointOf, type Track } from "../tracks/track.ts";

/** What became of the map's drawing. */
export type Drawing = "loading" | "ready" | "impossible" | "lost";

export class MapState {
  readonly viewer: Viewer;
  readonly household: Signal<Household>;
  readonly tracks = signal<ReadonlyMap<string, Track>>(new Map());
  readonly connection = signal<State>("connecting");
  readonly drawing = signal<Drawing>("loading");
  /** The server's time, Unix seconds; ticks while somebody looks. */
  readonly now: Signal<number>;
  /** When the server was last heard. */
  readonly heard: Signal<number>;
  /** `user/device` */
  readonly selected = signal<string | null>(null);
  readonly following = signal<string | null>(null);
  readonly unfolded = signal<ReadonlySet<string>>(new Set());

  readonly persons: ReadonlySignal<readonly PersonRow[]>;
  readonly rows: ReadonlySignal<readonly Row[]>;
  readonly selectedRow: ReadonlySignal<Row | undefined>;
  readonly today: ReadonlySignal<number>;
  /** The server has been away for so long that the page must say how old it is. */
  readonly longAway: ReadonlySignal<boolean>;

  constructor(viewer: Viewer, household: Household, now: number) {
    this.viewer = viewer;
    this.household = signal(household);
    this.now = signal(now);
    this.heard = signal(now);
    this.persons = computed(() => personRows(this.household.value, viewer, this.now.value));
    this.rows = computed(() => allRows(this.persons.value));
    this.selectedRow = computed(() => this.rows.value.find((row) => row.device === this.selected.value));
    this.today = computed(() => viewer.clock.startOfDay(this.now.value));
    this.longAway = computed(
      () => this.connection.value !== "live" && this.now.value - this.heard.value > LONG_AWAY,
    );
  }

  /** The names of all devices with a place, in the order of the list. */
  devices(): readonly string[] {
    return inOrder(people(this.household.value, this.viewer.name)).map((device) => device.name);
  }

  apply(change: Change): void {
    this.household.value = apply(this.household.value, change);
    if (change.kind !== "fix") return;
    const track = this.tracks.value.get(change.fix.device) ?? [];
    this.#keepTrack(change.fix.device, add(track, pointOf(change.fix)));
  }

  /** Whoever sits here now may be somebody else: nothing of what was seen is left. */
  forget(): void {
    this.select(null);
    this.household.value = EMPTY;
    this.tracks.value = new Map();
  }

  /** A day's way as the server has it; what came live meanwhile stays. */
  readTrack(device: string, read: Track): void {
    this.#keepTrack(device, merge(read, this.tracks.value.get(device) ?? []));
  }

  #keepTrack(device: string, track: Track): void {
    this.tracks.value = new Map(this.tracks.value).set(device, track);
  }

  toggleFolding(owner: string): void {
    const next = new Set(this.unfolded.value);
    if (!next.delete(owner)) next.add(owner);
    this.unfolded.value = next;
  }

  /** Selecting the selected one again selects nobody; following ends with the selection. */
  select(device: string | null): void {
    this.selected.value = device;
    if (this.following.value !== device) this.following.value = null;
  }

  /** The neighbour of the selected one in the list, `step` rows further. */
  neighbour(step: number): string | null {
    const rows = this.rows.value;
    const at = rows.findIndex((row) => row.device === this.selected.value);
    const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step;
    return rows[Math.min(rows.length - 1, Math.max(0, next))]?.device ?? null;
  }
}
