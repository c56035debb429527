// The map's half of the page: opens the renderer, keeps pins, tracks, disc, tools and notices in step with the
// state, and moves the camera when a person asks for it, never otherwise.

import { effect } from "@preact/signals-core";
import { render } from "lit-html";
import { element } from "../page/elements.ts";
import type { Icon } from "../page/icons.ts";
import type { Row } from "../people/rows.ts";
import type { Sheet } from "../sheet/sheet.ts";
import { from } from "../tracks/track.ts";
import { scaleBar } from "../units/units.ts";
import { addressedView, lastView, writeAddressedView } from "./address.ts";
import { type View, WORLD } from "./camera.ts";
import { discFeatures, placeOf, trackFeatures } from "./drawing.ts";
import { bounds, type Place } from "./geometry.ts";
import { noticesView, toolsView } from "./overlay.view.ts";
import { readPalette } from "./palette.ts";
import { Pins } from "./pins.ts";
import { canDraw, openMap, type MapEvents, type Renderer } from "./renderer.ts";
import type { MapState } from "./state.ts";

/** Pixels: the scale's room, and what stays free round what is to be seen. */
const SCALE_ROOM = 130;
const MARGIN = 72;
/** The tools at the right, and half a pin with its tag: no pin comes to rest under a button. */
const TOOLS = 60 + 52;
/** What the chip of the phone covers at the map's head. */
const CHIP = 24;
/** At least this close when somebody is looked up. */
const CLOSE = 12;
const NARROW = matchMedia("(width < 720px)");
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const DARK = matchMedia("(prefers-color-scheme: dark)");

export class MapRoom {
  readonly #state: MapState;
  readonly #sheet: Sheet;
  readonly #icon: Icon;
  readonly #home: View | null;
  readonly #go: { pressed: (device: string) => void };
  #renderer: Renderer | null = null;
  #lateView = 0;

  /** `home`: where the map begins while there is nobody to show. */
  constructor(
    state: MapState, sheet: Sheet, icon: Icon, home: View | null, go: { pressed: (device: string) => void },
  ) {
    this.#state = state;
    this.#sheet = sheet;
    this.#icon = icon;
    this.#home = home;
    this.#go = go;
    effect(() => this.#drawNotices());
    effect(() => this.#hideFromStrangers());
  }

  async open(host: HTMLElement): Promise<void> {
    if (!canDraw()) {
      this.#show(host, "impossible");
      return;
    }
    const addresses = { worker: absolute(host.dataset["worker"]), basemap: absolute(host.dataset["basemap"]) };
    const calm = (): boolean => CALM.matches;
    const view = addressedView() ?? this.#homeOfNobody() ?? lastView() ?? WORLD;
    const events = this.#events(host);
    const { renderer, newMarker } = await openMap(host, readPalette(host), addresses, view, calm, events);
    this.#renderer = renderer;
    this.#show(host, "ready");
    if (addressedView() === null) this.#fit(this.#places(this.#state.rows.value));
    const pins = new Pins(renderer.map, newMarker, this.#go.pressed, calm);
    effect(() => pins.update(this.#state.rows.value, this.#state.selected.value));
    effect(() => this.#drawTracks(renderer));
    effect(() => renderer.draw("disc", discFeatures(this.#state.selectedRow.value)));
    effect(() => this.#follow());
    DARK.addEventListener("change", () => renderer.setPalette(readPalette(host)));
    render(toolsView(this.#tools(renderer), this.#icon), element("map-tools", HTMLElement));
  }

  /** While nobody is anywhere, whoever looks wants to see home. */
  #homeOfNobody(): View | null {
    return this.#state.rows.value.length === 0 ? this.#home : null;
  }

  #show(host: HTMLElement, drawing: "ready" | "impossible"): void {
    this.#state.drawing.value = drawing;
    element("map-progress", HTMLElement).hidden = true;
    if (drawing === "impossible") host.dataset["mapState"] = "unavailable";
  }

  #events(host: HTMLElement): MapEvents {
    return {
      moved: (view, metresPerPixel) => this.#moved(view, metresPerPixel),
      dragged: () => {
        this.#state.following.value = null;
      },
      settled: (idle) => {
        host.dataset["mapState"] = idle ? "idle" : "busy";
      },
      lost: (lost) => {
        this.#state.drawing.value = lost ? "lost" : "ready";
      },
      pressed: () => {
        if (NARROW.matches) this.#sheet.to("peek");
      },
    };
  }

  #tools(renderer: Renderer): Parameters<typeof toolsView>[0] {
    return {
      zoomIn: () => renderer.zoomBy(1),
      zoomOut: () => renderer.zoomBy(-1),
      showAll: () => this.#fit(this.#places(this.#state.rows.value)),
    };
  }

  /** Written when the camera comes to rest: browsers count how often an address changes. */
  #moved(view: View, metresPerPixel: number): void {
    const { pixels, text } = scaleBar(metresPerPixel, SCALE_ROOM, this.#state.viewer.units);
    const scale = element("map-scale", HTMLElement);
    scale.hidden = false;
    scale.style.setProperty("inline-size", `${pixels}px`);
    scale.textContent = text;
    clearTimeout(this.#lateView);
    this.#lateView = setTimeout(() => writeAddressedView(view), 300) as unknown as number;
  }

  #drawTracks(renderer: Renderer): void {
    const { rows, tracks, selected, today } = this.#state;
    renderer.draw("tracks", trackFeatures(rows.value, tracks.value, selected.value, today.value));
  }

  #drawNotices(): void {
    const { viewer, drawing, connection, longAway, heard, following, rows } = this.#state;
    const followed = rows.value.find((row) => row.device === following.value)?.label ?? null;
    const model = {
      drawing: drawing.value,
      connection: connection.value,
      heardLong: longAway.value ? viewer.clock.timeText(heard.value) : null,
      followed,
      endFollowing: () => {
        following.value = null;
      },
    };
    render(noticesView(model, this.#icon), element("map-notices", HTMLElement));
  }

  /** Where the map looks tells of places as well as the pins do. */
  #hideFromStrangers(): void {
    const hidden = this.#state.connection.value === "signed-out";
    element("map-canvas", HTMLElement).hidden = hidden;
    for (const id of ["map-tools", "map-scale"]) element(id, HTMLElement).classList.toggle("is-gone", hidden);
  }

  #follow(): void {
    const device = this.#state.following.value;
    const row = this.#state.rows.value.find((one) => one.device === device);
    if (row !== undefined) this.#renderer?.goTo(placeOf(row.fix), this.#padding(0), CLOSE);
  }

  /** Brings the device into view, closer only if the map is far out. */
  goTo(device: string): void {
    const row = this.#state.rows.value.find((one) => one.device === device);
    if (row !== undefined) this.#renderer?.goTo(placeOf(row.fix), this.#padding(0), CLOSE);
  }

  showToday(device: string): void {
    const row = this.#state.rows.value.find((one) => one.device === device);
    this.#fit([...this.#way(device), ...(row === undefined ? [] : [placeOf(row.fix)])]);
  }

  /** The very first phone reported: that is what the page was waiting for. */
  welcomeFirst(): void {
    this.#fit(this.#places(this.#state.rows.value));
  }

  #places(rows: readonly Row[]): readonly Place[] {
    return rows.map((row) => placeOf(row.fix));
  }

  #way(device: string): readonly Place[] {
    const { tracks, today } = this.#state;
    return from(tracks.value.get(device) ?? [], today.value).map((point) => point.place);
  }

  #fit(places: readonly Place[]): void {
    const box = bounds(places);
    if (box !== null) this.#renderer?.fit(box, this.#padding(MARGIN));
  }

  /** On a phone the sheet covers the map's foot. */
  #padding(margin: number): { top: number; bottom: number; left: number; right: number } {
    const covered = NARROW.matches ? element("people", HTMLElement).offsetHeight : 0;
    const room = element("map", HTMLElement).clientHeight;
    const bottom = Math.min(covered + margin, Math.max(margin, room - 3 * margin));
    const top = margin === 0 ? 0 : margin + (NARROW.matches ? CHIP : 0);
    return { top, left: margin, right: margin === 0 ? 0 : TOOLS, bottom };
  }
}

function absolute(address: string | undefined): string {
  return new URL(address ?? "", location.href).href;
}
