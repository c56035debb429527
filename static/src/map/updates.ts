// What comes from the server: messages of the socket into the state, today's ways, and everything anew when
// messages were missed.

import type { Listener } from "../live/feed.ts";
import type { State } from "../live/machine.ts";
import type { Message } from "../live/messages.ts";
import type { Toasts } from "../notices/toasts.ts";
import { getJson, SignedOut } from "../page/api.ts";
import { readChange, readHousehold } from "../people/household.ts";
import { readToday } from "../tracks/today.ts";
import { t } from "../words/words.ts";
import type { MapState } from "./state.ts";

const ALL_DEVICES = "/api/devices?limit=1000";
const LAST_KNOWN = "/api/locations/last-known";

export class Updates implements Listener {
  readonly #state: MapState;
  readonly #toasts: Toasts;
  readonly #firstPlace: () => void;
  #startup: number | null;

  /** `firstPlace` is called when somebody has a place where nobody had one. */
  constructor(state: MapState, startup: number | null, toasts: Toasts, firstPlace: () => void) {
    this.#state = state;
    this.#startup = startup;
    this.#toasts = toasts;
    this.#firstPlace = firstPlace;
  }

  state(state: State): void {
    this.#state.connection.value = state;
    if (state === "signed-out") this.#state.forget();
  }

  message({ type, data }: Message): void {
    this.#state.heard.value = this.#state.now.value;
    if (type === "welcome") this.#welcome(data["server_startup"]);
    if (type === "gap") void this.#readAnew();
    const change = readChange(type, data);
    if (change === null) return;
    const nobody = this.#state.rows.value.length === 0;
    this.#state.apply(change);
    if (nobody && this.#state.rows.value.length > 0) this.#firstPlace();
  }

  /** Another start of the server has forgotten what we missed. */
  #welcome(startup: unknown): void {
    if (typeof startup !== "number") return;
    const restarted = this.#startup !== null && startup !== this.#startup;
    this.#startup = startup;
    if (restarted) void this.#readAnew();
  }

  /** What was asked for while we were signed in may come when we no longer are. */
  get #isOver(): boolean {
    return this.#state.connection.value === "signed-out";
  }

  async #readAnew(): Promise<void> {
    try {
      const [devices, places] = await Promise.all([getJson(ALL_DEVICES), getJson(LAST_KNOWN)]);
      if (this.#isOver) return;
      const read = readHousehold(listed(devices["results"]), listed(places["results"]));
      this.#state.household.value = read;
    } catch (error) {
      this.#complain(error, t("What was missed could not be read. Reload the page to try again."));
      return;
    }
    await this.readTracks();
  }

  async readTracks(): Promise<void> {
    const since = this.#state.today.value;
    try {
      for (const device of this.#state.devices()) {
        const way = await readToday(getJson, device, since);
        if (this.#isOver) return;
        this.#state.readTrack(device, way);
      }
    } catch (error) {
      this.#complain(error, t("Today’s ways could not be read. Reload the page to try again."));
    }
  }

  #complain(error: unknown, text: string): void {
    if (error instanceof SignedOut) {
      this.#toasts.show(t("Your session has ended."), { text: t("Sign in again"), href: "/login/?next=/" });
    } else {
      this.#toasts.show(text);
    }
  }
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
