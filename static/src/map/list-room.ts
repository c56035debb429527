// The panel: people, the selected one's facts, the card of the first run. Draws on every change of the state.

import { effect } from "@preact/signals-core";
import { html, nothing, render } from "lit-html";
import type { Toasts } from "../notices/toasts.ts";
import { element } from "../page/elements.ts";
import type { Icon } from "../page/icons.ts";
import { factsView, type PeopleActions, peopleView } from "../people/people.view.ts";
import { entries, type PersonRow, type Row, steady } from "../people/rows.ts";
import { t } from "../words/words.ts";
import type { MapState } from "./state.ts";

export class ListRoom {
  readonly #state: MapState;
  readonly #icon: Icon;
  readonly #actions: PeopleActions;
  readonly #host = element("people-list", HTMLElement);
  #order: readonly string[] = [];

  constructor(state: MapState, icon: Icon, toasts: Toasts, go: Pick<PeopleActions, "select" | "showToday">) {
    this.#state = state;
    this.#icon = icon;
    this.#actions = {
      ...go,
      unfold: (owner) => state.toggleFolding(owner),
      follow: (device) => {
        state.following.value = state.following.value === device ? null : device;
      },
      copy: (row) => void copyPlace(row, toasts),
    };
  }

  /** Takes over from what the server wrote. */
  open(): void {
    this.#host.replaceChildren();
    effect(() => this.#draw());
    effect(() => {
      const { rows, connection } = this.#state;
      element("first-run", HTMLElement).hidden = rows.value.length > 0 || connection.value === "signed-out";
    });
  }

  #draw(): void {
    const model = {
      persons: this.#inOrder(entries(this.#state.persons.value)),
      selected: this.#state.selected.value,
      following: this.#state.following.value,
      unfolded: this.#state.unfolded.value,
      canCopy: "clipboard" in navigator,
    };
    const row = this.#state.selectedRow.value;
    if (this.#state.connection.value === "signed-out") {
      render(html`<p class="people-gone">${t("Signed out. Nobody’s place is shown.")}</p>`, this.#host);
      return;
    }
    render(
      html`${peopleView(model, this.#actions, this.#icon)} ${row === undefined ? nothing : factsView(row, this.#state.viewer)}`,
      this.#host,
    );
  }

  /** Nobody's row jumps away while it is pointed at or focused. */
  #inOrder(persons: readonly PersonRow[]): readonly PersonRow[] {
    const busy = this.#host.matches(":hover, :focus-within");
    const ordered = busy ? steady(persons, this.#order) : persons;
    this.#order = ordered.map((person) => person.owner);
    return ordered;
  }
}

async function copyPlace({ fix }: Row, toasts: Toasts): Promise<void> {
  const text = `${fix.latitude}, ${fix.longitude}`;
  try {
    await navigator.clipboard.writeText(text);
    toasts.show(t("Copied {place}", { place: text }));
  } catch {
    toasts.show(t("The browser does not let this page copy. The place is {place}", { place: text }));
  }
}
