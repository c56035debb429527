// One short message at the foot of the page: what went wrong and what to do. It stays eight seconds, longer
// while it is pointed at or focused, and the same text is not shown twice at once.

import { html, render, type TemplateResult } from "lit-html";
import { t } from "../words/words.ts";
import type { Icon } from "../page/icons.ts";

const STAYS = 8000;

export interface Link {
  readonly text: string;
  readonly href: string;
}

export class Toasts {
  readonly #host: HTMLElement;
  readonly #icon: Icon;
  readonly #shown = new Map<string, Link | null>();

  constructor(host: HTMLElement, icon: Icon) {
    this.#host = host;
    this.#icon = icon;
  }

  show(text: string, link: Link | null = null): void {
    if (this.#shown.has(text)) return;
    this.#shown.set(text, link);
    this.#render();
    this.#expire(text);
  }

  close(text: string): void {
    this.#shown.delete(text);
    this.#render();
  }

  /** A message that somebody is reading, or that asks for a click, is not taken away. */
  #expire(text: string): void {
    if (this.#shown.get(text)) return;
    setTimeout(() => {
      if (this.#host.matches(":hover, :focus-within")) this.#expire(text);
      else this.close(text);
    }, STAYS);
  }

  #render(): void {
    render([...this.#shown].map(([text, link]) => this.#toast(text, link)), this.#host);
  }

  #toast(text: string, link: Link | null): TemplateResult {
    return html`<div class="toast" role="alert">
      <span>${text} ${link === null ? null : html`<a href=${link.href}>${link.text}</a>`}</span>
      <button class="toast-close" type="button" aria-label=${t("Close")} @click=${() => this.close(text)}>
        ${this.#icon("x")}
      </button>
    </div>`;
  }
}
