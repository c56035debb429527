// Pages of forms: they work without this script; it adds the eye that shows a password, and words about a new one.

import { strengthText } from "./strength.ts";

function showWhenAsked(eye: HTMLButtonElement): void {
  const field = document.getElementById(eye.dataset["eye"] ?? "");
  const icon = eye.querySelector("use");
  if (!(field instanceof HTMLInputElement)) return;
  eye.hidden = false;
  eye.addEventListener("click", () => {
    const show = field.type === "password";
    field.type = show ? "text" : "password";
    eye.setAttribute("aria-pressed", String(show));
    icon?.setAttribute("href", (icon.getAttribute("href") ?? "").replace(/#.*$/, show ? "#eye-off" : "#eye"));
  });
  // Browsers offer to keep a password, but remember what was typed as plain text without asking.
  field.form?.addEventListener("submit", () => {
    field.type = "password";
  });
}

for (const eye of document.querySelectorAll<HTMLButtonElement>("button[data-eye]")) showWhenAsked(eye);

/** What everybody knows of whose password it is: the form says who. */
function ownNames(form: HTMLFormElement | null): string[] {
  const name = form?.elements.namedItem("username");
  return name instanceof HTMLInputElement ? [name.value.trim()] : [];
}

function tellStrength(told: HTMLElement): void {
  const field = document.getElementById(told.dataset["strength"] ?? "");
  if (!(field instanceof HTMLInputElement)) return;
  field.addEventListener("input", () => {
    const text = strengthText(field.value, ownNames(field.form));
    // Said aloud only when it changes.
    if (told.textContent !== text) told.textContent = text;
  });
}

for (const told of document.querySelectorAll<HTMLElement>("[data-strength]")) tellStrength(told);
