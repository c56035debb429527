// The phone's sheet: drag its handle, press it, or use the arrow keys. On a desk the handle is not shown and
// nothing here happens.

import { t } from "../words/words.ts";
import { following, settle, type Stop, STOPS } from "./stops.ts";

const NAMES: Readonly<Record<Stop, string>> = { peek: t("low"), half: t("half"), full: t("high") };
/** Pixels; less is a press, not a drag. */
const DRAG = 6;

export class Sheet {
  readonly #frame: HTMLElement;
  readonly #panel: HTMLElement;
  readonly #handle: HTMLElement;
  readonly #moved: () => void;
  #dragged = false;

  /** `frame` carries the stop for the style sheet; `moved` is called when the sheet has another one. */
  constructor(frame: HTMLElement, panel: HTMLElement, handle: HTMLElement, moved: () => void) {
    this.#frame = frame;
    this.#panel = panel;
    this.#handle = handle;
    this.#moved = moved;
    this.#show(this.stop);
    handle.addEventListener("click", () => this.#pressed());
    handle.addEventListener("keydown", (event) => this.#key(event));
    handle.addEventListener("pointerdown", (event) => this.#grab(event));
  }

  get stop(): Stop {
    return STOPS.find((stop) => stop === this.#frame.dataset["stop"]) ?? "half";
  }

  to(stop: Stop): void {
    if (stop === this.stop) return;
    this.#show(stop);
    this.#moved();
  }

  #show(stop: Stop): void {
    this.#frame.dataset["stop"] = stop;
    this.#handle.setAttribute("aria-expanded", String(stop !== "peek"));
    this.#handle.setAttribute("aria-label", t("List of people: {stop}", { stop: NAMES[stop] }));
  }

  #pressed(): void {
    if (!this.#dragged) this.to(following(this.stop));
    this.#dragged = false;
  }

  #key(event: KeyboardEvent): void {
    const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    const stop = STOPS[STOPS.indexOf(this.stop) + step];
    if (step === 0 || stop === undefined) return;
    event.preventDefault();
    this.to(stop);
  }

  /** Pixels above the tabs. */
  get #room(): number {
    return this.#panel.getBoundingClientRect().bottom;
  }

  #grab(down: PointerEvent): void {
    const [startHeight, startY] = [this.#panel.offsetHeight, down.clientY];
    const room = this.#room;
    let [lastY, lastTime, flick] = [down.clientY, down.timeStamp, 0];
    this.#handle.setPointerCapture(down.pointerId);
    const drag = (event: PointerEvent): void => {
      if (Math.abs(event.clientY - startY) > DRAG) this.#dragged = true;
      if (!this.#dragged) return;
      flick = (1000 * (lastY - event.clientY)) / Math.max(1, event.timeStamp - lastTime);
      [lastY, lastTime] = [event.clientY, event.timeStamp];
      this.#hold(Math.min(room, Math.max(48, startHeight + startY - event.clientY)));
    };
    const end = new AbortController();
    const release = (): void => {
      end.abort();
      const height = this.#panel.offsetHeight;
      this.#let();
      if (this.#dragged) this.to(settle(height, flick, room));
    };
    this.#handle.addEventListener("pointermove", drag, { signal: end.signal });
    this.#handle.addEventListener("pointerup", release, { signal: end.signal });
    this.#handle.addEventListener("pointercancel", release, { signal: end.signal });
  }

  #hold(height: number): void {
    this.#panel.classList.add("is-dragged");
    this.#frame.style.setProperty("--sheet", `${height}px`);
  }

  #let(): void {
    this.#panel.classList.remove("is-dragged");
    this.#frame.style.removeProperty("--sheet");
  }
}

