// The sign-in page's button and the profile's form for passkeys. Both are hidden until this script has found that
// the browser knows passkeys; everything else on those pages works without it.

import { isObject, type Json } from "../people/fix.ts";
import { answerOf, optionsOf } from "./json.ts";

/** The person closed the browser's dialogue, or took too long: nothing has to be said about it. */
const CLOSED = ["AbortError", "NotAllowedError"];
const KNOWN_ALREADY = "InvalidStateError";

function csrfToken(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
  const field = document.querySelector<HTMLInputElement>('input[name="csrf_token"]');
  return meta?.content ?? field?.value ?? "";
}

async function postJson(path: string, body: Json): Promise<Json> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": csrfToken() },
    credentials: "same-origin",
    body: JSON.stringify(body),
  });
  const told: unknown = await answer.json().catch(() => null);
  if (answer.ok && isObject(told)) return told;
  throw new Error(isObject(told) && typeof told["detail"] === "string" ? told["detail"] : "The server did not answer.");
}

async function signIn(): Promise<void> {
  const options = optionsOf(await postJson("/login/passkey/options", {}));
  const credential = await navigator.credentials.get({ publicKey: options as unknown as PublicKeyCredentialRequestOptions });
  if (!(credential instanceof PublicKeyCredential)) return;
  const next = document.querySelector<HTMLInputElement>('input[name="next"]')?.value ?? "/";
  const told = await postJson("/login/passkey/finish", { credential: answerOf(credential), next });
  location.assign(String(told["next"]));
}

async function add(name: string): Promise<void> {
  const options = optionsOf(await postJson("/api/account/passkeys/options", {}));
  const credential = await navigator.credentials.create({ publicKey: options as unknown as PublicKeyCredentialCreationOptions });
  if (!(credential instanceof PublicKeyCredential)) return;
  await postJson("/api/account/passkeys", { credential: answerOf(credential), name });
  location.reload();
}

function wordsFor(error: unknown): string {
  if (!(error instanceof Error)) return "It did not work.";
  if (CLOSED.includes(error.name)) return "";
  return error.name === KNOWN_ALREADY ? "This device has a passkey for this account already." : error.message;
}

/** Do it once at a time; what went wrong is said beside the button. */
function start(button: HTMLButtonElement, work: () => Promise<void>): void {
  const told = document.getElementById("passkey-told");
  button.disabled = true;
  if (told !== null) told.textContent = "";
  void work()
    .catch((error: unknown) => {
      if (told !== null) told.textContent = wordsFor(error);
    })
    .finally(() => {
      button.disabled = false;
    });
}

function offerSignIn(): void {
  const way = document.getElementById("passkey-way");
  const button = document.getElementById("passkey-sign-in");
  if (way === null || !(button instanceof HTMLButtonElement)) return;
  way.hidden = false;
  button.addEventListener("click", () => start(button, signIn));
}

function offerAdding(): void {
  const form = document.getElementById("passkey-add");
  const button = form?.querySelector("button");
  const name = document.getElementById("passkey-name");
  if (!(form instanceof HTMLFormElement) || !button || !(name instanceof HTMLInputElement)) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start(button, () => add(name.value));
  });
}

if ("PublicKeyCredential" in window) {
  offerSignIn();
  offerAdding();
}
