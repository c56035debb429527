// Icons of the sprite in templates; the sprite's address comes from the page.

import { html, type TemplateResult } from "lit-html";

export type Icon = (name: string) => TemplateResult;

export function iconsFrom(sprite: string): Icon {
  return (name) => html`<svg class="icon" aria-hidden="true"><use href=${`${sprite}#${name}`}></use></svg>`;
}
