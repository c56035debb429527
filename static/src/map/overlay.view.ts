// What lies over the map: tools, notices, the chip of the phone.

import { html, nothing, type TemplateResult } from "lit-html";
import type { Lamp } from "../live/lamp.ts";
import type { State } from "../live/machine.ts";
import type { Icon } from "../page/icons.ts";
import { n, t } from "../words/words.ts";
import type { Drawing } from "./state.ts";

export interface Tools {
  readonly zoomIn: () => void;
  readonly zoomOut: () => void;
  readonly showAll: () => void;
}

export function toolsView({ zoomIn, zoomOut, showAll }: Tools, icon: Icon): TemplateResult {
  const tool = (name: string, label: string, act: () => void): TemplateResult =>
    html`<button class="map-tool" type="button" aria-label=${label} title=${label} @click=${act}>${icon(name)}</button>`;
  return html`<div class="map-tool-group">
      ${tool("plus", t("Zoom in"), zoomIn)}${tool("minus", t("Zoom out"), zoomOut)}
    </div>
    <div class="map-tool-group">${tool("scan", t("Show everybody"), showAll)}</div>`;
}

/** `count`: whom or what the list shows, "4 people"; empty: said elsewhere. */
export function lampView({ lamp, text }: Lamp, count: string): TemplateResult {
  const words = count === "" ? text : t("{state} · {count}", { state: text, count });
  return html`<span class="lamp" data-lamp=${lamp}></span>${words}`;
}

/** One's own phones are no people. */
export function countText(persons: number, phones: number): string {
  if (persons === 0) return "";
  if (persons > 1) return n("{count} person", "{count} people", persons);
  return n("{count} phone", "{count} phones", phones);
}

export interface Notices {
  readonly drawing: Drawing;
  readonly connection: State;
  /** The time of day when the server was last heard, once that is long ago; else null. */
  readonly heardLong: string | null;
  /** Whom the map follows. */
  readonly followed: string | null;
  readonly endFollowing: () => void;
}

export function noticesView(notices: Notices, icon: Icon): TemplateResult {
  return html`${notices.connection === "signed-out" ? signedOut(icon) : nothing}
  ${notices.heardLong === null ? nothing : notice(icon, "wifi-off", t("Last data {time}", { time: notices.heardLong }))}
  ${drawingNotice(notices.drawing, icon)}
  ${notices.followed === null ? nothing : followingPill(notices.followed, notices.endFollowing, icon)}`;
}

function notice(icon: Icon, name: string, text: string): TemplateResult {
  return html`<p class="notice">${icon(name)}<span>${text}</span></p>`;
}

function signedOut(icon: Icon): TemplateResult {
  const back = `/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
  return html`<p class="notice">
    ${icon("circle-alert")}<span>${t("Your session has ended.")} <a href=${back}>${t("Sign in again")}</a></span>
  </p>`;
}

function drawingNotice(drawing: Drawing, icon: Icon): TemplateResult | typeof nothing {
  if (drawing === "impossible") {
    return notice(icon, "circle-alert", t("This browser cannot draw the map (no WebGL 2). The list works all the same."));
  }
  if (drawing !== "lost") return nothing;
  return notice(icon, "circle-alert", t("The map lost its graphics for a moment. The list goes on."));
}

function followingPill(name: string, end: () => void, icon: Icon): TemplateResult {
  return html`<p class="chip following">
    ${icon("navigation")}${t("Following {name}", { name })}
    <button class="following-end" type="button" aria-label=${t("Stop following")} @click=${end}>${icon("x")}</button>
  </p>`;
}
