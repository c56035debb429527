// The map page, mode Now: joins what the page knows (state.ts) to the list, the map, the socket and the
// address. What things look like and what they mean is decided elsewhere.

import { effect } from "@preact/signals-core";
import { render } from "lit-html";
import { followBrowser, Feed } from "../live/feed.ts";
import { lampOf } from "../live/lamp.ts";
import { Announcer } from "../notices/announcer.ts";
import { Toasts } from "../notices/toasts.ts";
import { isSignedIn } from "../page/api.ts";
import { element } from "../page/elements.ts";
import { iconsFrom } from "../page/icons.ts";
import { readPageData } from "../page/page-data.ts";
import { Sheet } from "../sheet/sheet.ts";
import { readWho, writeWho } from "./address.ts";
import { listenForKeys } from "./keys.ts";
import { ListRoom } from "./list-room.ts";
import { MapRoom } from "./map-room.ts";
import { countText, lampView } from "./overlay.view.ts";
import { MapState } from "./state.ts";
import { Updates } from "./updates.ts";

const written = element("page-data", HTMLScriptElement);
const data = readPageData(written.textContent ?? "");
// Read once: it must not lie in the page when the session is over.
written.remove();
const canvas = element("map-canvas", HTMLElement);
const icon = iconsFrom(canvas.dataset["icons"] ?? "");
const toasts = new Toasts(element("toasts", HTMLElement), icon);
const announcer = new Announcer(element("announcements", HTMLElement));

/** How far the server's clock is ahead of this one (seconds): ages must not depend on a wrong clock here. */
const ahead = (data.now ?? Date.now() / 1000) - Date.now() / 1000;
const state = new MapState(data.viewer, data.household, Date.now() / 1000 + ahead);
const panel = element("people", HTMLElement);
const sheet = new Sheet(document.body, panel, element("sheet-handle", HTMLElement), () => {});
const mapRoom = new MapRoom(state, sheet, icon, data.home, { pressed: select });
const listRoom = new ListRoom(state, icon, toasts, { select, showToday: (device) => mapRoom.showToday(device) });
const updates = new Updates(state, data.startup, toasts, () => mapRoom.welcomeFirst());

/** Pressing the selected one again selects nobody. */
function select(device: string): void {
  show(state.selected.value === device ? null : device);
}

function show(device: string | null): void {
  state.select(device);
  writeWho(device);
  if (device === null) return;
  if (sheet.stop === "peek") sheet.to("half");
  mapRoom.goTo(device);
}

function follow(): void {
  const device = state.selected.value;
  state.following.value = state.following.value === device ? null : device;
}

function showConnection(): void {
  const chip = element("live-chip", HTMLElement);
  const mapChip = element("map-chip", HTMLElement);
  let last: string | null = null;
  effect(() => {
    const lamp = lampOf(state.connection.value);
    render(lampView(lamp, ""), chip);
    render(lampView(lamp, countText(state.persons.value.length, state.rows.value.length)), mapChip);
    if (last !== null && last !== lamp.text) announcer.say(lamp.text);
    last = lamp.text;
  });
  chip.hidden = false;
  mapChip.hidden = false;
}

/** Ages grow while somebody looks; nobody needs them otherwise. */
function tick(): void {
  if (!document.hidden) state.now.value = Date.now() / 1000 + ahead;
}

const setTimer = (milliseconds: number, then: () => void): (() => void) => {
  const timer = setTimeout(then, milliseconds);
  return () => clearTimeout(timer);
};

function listenToServer(): void {
  const address = new URL(data.live, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const around = { connect: (url: string) => new WebSocket(url), setTimer, chance: Math.random, isSignedIn };
  const feed = new Feed(address.href, data.seq, around, updates);
  followBrowser(feed, setTimer);
  feed.start();
}

state.select(readWho());
listRoom.open();
showConnection();
listenForKeys([panel, element("map", HTMLElement)], {
  next: () => show(state.neighbour(1)),
  previous: () => show(state.neighbour(-1)),
  follow,
  clear: () => show(null),
});
addEventListener("popstate", () => state.select(readWho()));
document.addEventListener("visibilitychange", tick);
setInterval(tick, 1000);
listenToServer();
void updates.readTracks();
// The list is there; the map, which weighs a hundred times as much, comes after the first paint.
requestAnimationFrame(() => setTimeout(() => void mapRoom.open(canvas)));
