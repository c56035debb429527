// Draws the list of people, and what can be done with the one that is selected.

import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { Icon } from "../page/icons.ts";
import { n, t } from "../words/words.ts";
import type { PersonRow, Row } from "./rows.ts";
import type { Viewer } from "./viewer.ts";
import { facts } from "./wording.ts";

export interface PeopleModel {
  readonly persons: readonly PersonRow[];
  readonly selected: string | null;
  readonly following: string | null;
  /** Owners whose other phones are folded out. */
  readonly unfolded: ReadonlySet<string>;
  readonly canCopy: boolean;
}

export interface PeopleActions {
  readonly select: (device: string) => void;
  readonly unfold: (owner: string) => void;
  readonly follow: (device: string) => void;
  readonly showToday: (device: string) => void;
  readonly copy: (row: Row) => void;
}

/** A row's heading: a name, or a person's name and the phone's. */
type Title = string | TemplateResult;

/** The face's classes, shared with pins: colour, second round, stale. */
export function faceClasses(row: Row): string {
  return `device-${row.colour}${row.secondRound ? " is-second-round" : ""}${row.stale ? " is-stale" : ""}`;
}

export function peopleView(model: PeopleModel, actions: PeopleActions, icon: Icon): TemplateResult {
  return html`<ul>
    ${repeat(
      model.persons,
      (person) => person.owner,
      (person) => html`<li>${personView(person, model, actions, icon)}</li>`,
    )}
  </ul>`;
}

function personView(
  { owner, name, lead, others }: PersonRow, model: PeopleModel, actions: PeopleActions, icon: Icon,
): TemplateResult {
  const open = model.unfolded.has(owner);
  const title = others.length > 0 ? html`${name} <span class="person-device">${lead.label}</span>` : lead.label;
  return html`${rowWithActions(lead, title, model, actions, icon)}
  ${others.length === 0
    ? nothing
    : html`<button class="others-toggle" type="button" aria-expanded=${open} @click=${() => actions.unfold(owner)}>
          ${icon(open ? "chevron-up" : "chevron-down")}
          ${n("{count} more device", "{count} more devices", others.length)}
        </button>
        <ul class="others" ?hidden=${!open}>
          ${repeat(
            others,
            (row) => row.device,
            (row) => html`<li>${rowWithActions(row, row.label, model, actions, icon)}</li>`,
          )}
        </ul>`}`;
}

function rowWithActions(
  row: Row, title: Title, model: PeopleModel, actions: PeopleActions, icon: Icon,
): TemplateResult {
  const selected = model.selected === row.device;
  return html`${rowView(row, title, selected, actions, icon)}
  ${selected ? actionsView(row, model, actions, icon) : nothing}`;
}

function rowView(row: Row, title: Title, selected: boolean, actions: PeopleActions, icon: Icon): TemplateResult {
  return html`<button
    class="person ${faceClasses(row)}"
    type="button"
    data-device=${row.device}
    aria-pressed=${selected}
    @click=${() => actions.select(row.device)}
  >
    <span class="face" aria-hidden="true">${row.initials}</span>
    <span class="person-lines">
      <span class="person-line">
        <span class="person-name">${title}</span>
        <time class="person-age" datetime=${row.reportedIso} title=${row.reported}>${row.age}</time>
      </span>
      <span class="person-line">
        <span class="person-doing">${row.doing}</span>
        <span class="person-facts">
          ${row.accuracy === "" ? nothing : html`<span>${row.accuracy}</span>`} ${batteryView(row, icon)}
        </span>
      </span>
    </span>
  </button>`;
}

function batteryView({ battery }: Row, icon: Icon): TemplateResult | typeof nothing {
  if (battery === null) return nothing;
  return html`<span class="battery ${battery.low ? "battery-low" : ""}">
    ${icon(battery.icon)}<span aria-hidden="true">${battery.text}</span><span class="unseen">${battery.spoken}</span>
  </span>`;
}

function actionsView(row: Row, model: PeopleModel, actions: PeopleActions, icon: Icon): TemplateResult {
  const followed = model.following === row.device;
  return html`<div class="person-actions" role="group" aria-label=${row.label}>
    <button class="person-action" type="button" aria-pressed=${followed} @click=${() => actions.follow(row.device)}>
      ${icon("navigation")}${t("Follow")}
    </button>
    <button class="person-action" type="button" @click=${() => actions.showToday(row.device)}>
      ${icon("route")}${t("Today’s way")}
    </button>
    ${model.canCopy
      ? html`<button class="person-action" type="button" @click=${() => actions.copy(row)}>
          ${icon("copy")}${t("Copy place")}
        </button>`
      : nothing}
  </div>`;
}

/** Everything that is known of the selected one's last report. */
export function factsView(row: Row, viewer: Viewer): TemplateResult {
  return html`<section class="facts" aria-labelledby="facts-title">
    <h2 id="facts-title">${t("Last report · {name}", { name: row.label })}</h2>
    <dl>
      ${facts(row, viewer).map(
        ([name, value]) => html`<div class="fact"><dt>${name}</dt><dd>${value}</dd></div>`,
      )}
    </dl>
  </section>`;
}
