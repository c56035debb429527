// Pins: one button for each device, at its place, gliding to a new one and making room for each other.

import type { Map as MapLibreMap, Marker } from "maplibre-gl";
import { faceClasses } from "../people/people.view.ts";
import type { Row } from "../people/rows.ts";
import { arrange, type Spot } from "./arrange.ts";
import { placeOf } from "./drawing.ts";
import type { Place } from "./geometry.ts";
import { along, GLIDE, glides } from "./glide.ts";

type NewMarker = (element: HTMLElement) => Marker;

interface Pin {
  readonly element: HTMLButtonElement;
  readonly face: HTMLElement;
  readonly tag: HTMLElement;
  readonly marker: Marker;
  from: Place;
  to: Place;
  /** When the glide began (milliseconds of the animation clock); null at rest. */
  started: number | null;
}

export class Pins {
  readonly #map: MapLibreMap;
  readonly #newMarker: NewMarker;
  readonly #pressed: (device: string) => void;
  readonly #calm: () => boolean;
  readonly #pins = new Map<string, Pin>();
  #order: readonly string[] = [];
  #selected: string | null = null;
  #frame = 0;

  constructor(map: MapLibreMap, newMarker: NewMarker, pressed: (device: string) => void, calm: () => boolean) {
    this.#map = map;
    this.#newMarker = newMarker;
    this.#pressed = pressed;
    this.#calm = calm;
    map.on("move", () => this.#arrange());
    map.on("resize", () => this.#arrange());
  }

  update(rows: readonly Row[], selected: string | null): void {
    for (const row of rows) this.#place(this.#pins.get(row.device) ?? this.#add(row), row, row.device === selected);
    const here = new Set(rows.map((row) => row.device));
    for (const [device, pin] of this.#pins) if (!here.has(device)) this.#remove(device, pin);
    this.#selected = selected;
    const first = rows.filter((row) => row.device === selected);
    this.#order = [...new Set([...first, ...rows].map((row) => row.device))];
    this.#arrange();
  }

  #add(row: Row): Pin {
    const element = document.createElement("button");
    element.type = "button";
    element.dataset["device"] = row.device;
    const [face, tag] = [document.createElement("span"), document.createElement("span")];
    face.className = "face";
    face.setAttribute("aria-hidden", "true");
    tag.className = "pin-tag";
    element.append(face, tag);
    element.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#pressed(row.device);
    });
    const place = placeOf(row.fix);
    const marker = this.#newMarker(element).setLngLat([...place]).addTo(this.#map);
    // MapLibre gives a label of its own to what has none: the tag says more.
    element.removeAttribute("aria-label");
    const pin: Pin = { element, face, tag, marker, from: place, to: place, started: null };
    this.#pins.set(row.device, pin);
    return pin;
  }

  #place(pin: Pin, row: Row, selected: boolean): void {
    const classes = `pin ${faceClasses(row)}`;
    for (const name of pin.element.className.split(" ").filter(isOurs)) pin.element.classList.remove(name);
    pin.element.classList.add(...classes.split(" "));
    pin.element.setAttribute("aria-pressed", String(selected));
    pin.face.textContent = row.initials;
    pin.tag.textContent = row.tag;
    const place = placeOf(row.fix);
    if (place[0] !== pin.to[0] || place[1] !== pin.to[1]) this.#move(pin, place);
  }

  #move(pin: Pin, to: Place): void {
    const here = pin.marker.getLngLat();
    pin.from = [here.lng, here.lat];
    pin.to = to;
    pin.started = glides(pin.from, to, this.#calm()) ? performance.now() : null;
    if (pin.started === null) pin.marker.setLngLat([...to]);
    else if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#step(now));
  }

  #step(now: number): void {
    this.#frame = 0;
    for (const pin of this.#pins.values()) {
      if (pin.started === null) continue;
      const elapsed = now - pin.started;
      pin.marker.setLngLat([...along(pin.from, pin.to, elapsed)]);
      if (elapsed >= GLIDE) pin.started = null;
    }
    this.#arrange();
    const moving = [...this.#pins.values()].some((pin) => pin.started !== null);
    if (moving) this.#frame = requestAnimationFrame((later) => this.#step(later));
  }

  #remove(device: string, pin: Pin): void {
    pin.marker.remove();
    this.#pins.delete(device);
  }

  #arrange(): void {
    const spots = this.#order.flatMap((key): Spot[] => {
      const pin = this.#pins.get(key);
      if (pin === undefined) return [];
      const { x, y } = this.#map.project(pin.marker.getLngLat());
      return [{ key, x, y, tagWidth: pin.tag.offsetWidth, onTop: key === this.#selected }];
    });
    for (const [key, { dx, dy, tag }] of arrange(spots)) {
      const pin = this.#pins.get(key);
      pin?.marker.setOffset([dx, dy]);
      pin?.element.classList.toggle("is-tagless", !tag);
    }
  }
}

/** The classes that a row decides; MapLibre keeps its own on the same element. */
function isOurs(name: string): boolean {
  return /^(?:device-\d|is-stale|is-second-round)$/.test(name);
}
