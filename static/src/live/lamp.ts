// The state of the connection in a word and a lamp. Pure.

import { t } from "../words/words.ts";
import type { State } from "./machine.ts";

export interface Lamp {
  readonly lamp: "live" | "waiting" | "off";
  readonly text: string;
}

const LAMPS: Readonly<Record<State, Lamp>> = {
  connecting: { lamp: "waiting", text: t("Connecting…") },
  live: { lamp: "live", text: t("Live") },
  stale: { lamp: "waiting", text: t("No news…") },
  retrying: { lamp: "off", text: t("Reconnecting…") },
  offline: { lamp: "off", text: t("Offline") },
  paused: { lamp: "off", text: t("Paused") },
  "signed-out": { lamp: "off", text: t("Signed out") },
};

export function lampOf(state: State): Lamp {
  return LAMPS[state];
}

/** Seconds without the server after which the page says how old its data is. */
export const LONG_AWAY = 5 * 60;
