// The one map of the page: MapLibre under a strict policy, our style, camera moves. It draws what it is given
// and tells when somebody moved it; it knows nothing of people or sockets.

import type { GeoJSONSource, Map as MapLibreMap, PaddingOptions } from "maplibre-gl";
import type { FeatureCollection } from "geojson";
import type { View } from "./camera.ts";
import { type Bounds, metresPerPixel, type Place } from "./geometry.ts";
import type { Palette } from "./palette.ts";
import { layers, mapStyle } from "./style.ts";

/** The base map ends at zoom 5; closer than this there is nothing to see but people. */
const CLOSEST_FIT = 14;
/** Milliseconds; people who asked for less motion get none. */
const FLIGHT = 500;

export interface Addresses {
  readonly worker: string;
  readonly basemap: string;
}

export interface MapEvents {
  /** The camera moved, by whomever. */
  moved(view: View, metresPerPixel: number): void;
  /** A person took hold of the map. */
  dragged(): void;
  /** Everything there is to draw is drawn; or it is not any more. */
  settled(idle: boolean): void;
  /** The graphics processor went away, or came back. */
  lost(lost: boolean): void;
  pressed(): void;
}

/** Whether this browser can draw the map at all. */
export function canDraw(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

type ScriptPolicy = { createPolicy(name: string, rules: { createScriptURL(url: string): string }): unknown };

/** Lets scripts be started from exactly one address; every other sink stays closed and fails loudly. */
function trustOnly(url: string): void {
  const { trustedTypes } = globalThis as { trustedTypes?: ScriptPolicy };
  trustedTypes?.createPolicy("default", {
    createScriptURL(asked) {
      if (asked !== url) throw new TypeError(`no script from ${asked}`);
      return asked;
    },
  });
}

export class Renderer {
  readonly map: MapLibreMap;
  readonly #calm: () => boolean;

  constructor(map: MapLibreMap, calm: () => boolean) {
    this.map = map;
    this.#calm = calm;
  }

  setPalette(palette: Palette): void {
    for (const layer of layers(palette)) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        this.map.setPaintProperty(layer.id, name as "line-color", value);
      }
    }
  }

  draw(source: "tracks" | "disc", features: FeatureCollection): void {
    void (this.map.getSource(source) as GeoJSONSource | undefined)?.setData(features);
  }

  /** Shows the whole box, with `padding` pixels kept free on each side. */
  fit({ west, south, east, north }: Bounds, padding: PaddingOptions): void {
    this.map.fitBounds([west, south, east, north], {
      padding, maxZoom: CLOSEST_FIT, duration: this.#calm() ? 0 : FLIGHT, linear: true,
    });
  }

  /** Brings a place into the middle of what the padding leaves free. */
  goTo(place: Place, padding: PaddingOptions, closest = 0): void {
    const zoom = Math.max(this.map.getZoom(), closest);
    const offset: [number, number] = [
      ((padding.left ?? 0) - (padding.right ?? 0)) / 2,
      ((padding.top ?? 0) - (padding.bottom ?? 0)) / 2,
    ];
    this.map.easeTo({ center: [...place], zoom, offset, duration: this.#calm() ? 0 : FLIGHT });
  }

  zoomBy(step: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + step, duration: this.#calm() ? 0 : 200 });
  }

  show(view: View): void {
    this.map.jumpTo({ center: [view.longitude, view.latitude], zoom: view.zoom });
  }
}

function listen(map: MapLibreMap, events: MapEvents): void {
  const tellMoved = (): void => {
    const { lng, lat } = map.getCenter();
    const zoom = map.getZoom();
    events.moved({ zoom, latitude: lat, longitude: lng }, metresPerPixel(zoom, lat));
  };
  map.on("move", tellMoved);
  map.on("idle", () => events.settled(true));
  map.on("movestart", () => events.settled(false));
  map.on("dataloading", () => events.settled(false));
  map.on("dragstart", () => events.dragged());
  map.on("click", () => events.pressed());
  map.on("webglcontextlost", () => events.lost(true));
  map.on("webglcontextrestored", () => events.lost(false));
  tellMoved();
}

/** Loads MapLibre and makes the map; at most once a page. `calm`: whether motion is unwelcome. */
export async function openMap(
  host: HTMLElement, palette: Palette, addresses: Addresses, view: View, calm: () => boolean, events: MapEvents,
): Promise<{ renderer: Renderer; newMarker: (element: HTMLElement) => InstanceType<typeof import("maplibre-gl").Marker> }> {
  trustOnly(addresses.worker);
  const { Map: MapLibre, Marker, setWorkerUrl } = await import("maplibre-gl");
  setWorkerUrl(addresses.worker);
  const map = new MapLibre({
    container: host,
    style: mapStyle(palette, addresses.basemap),
    center: [view.longitude, view.latitude],
    zoom: view.zoom,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    ...(calm() ? { fadeDuration: 0 } : {}),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  await new Promise<void>((resolve) => void map.once("load", () => resolve()));
  listen(map, events);
  const newMarker = (element: HTMLElement) => new Marker({ element, anchor: "center" });
  return { renderer: new Renderer(map, calm), newMarker };
}
