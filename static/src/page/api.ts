// Asking our own server for JSON. Knows what a session that ended looks like; nothing about what is asked.

import { isObject, type Json } from "../people/fix.ts";

export class SignedOut extends Error {
  override readonly name = "SignedOut";
}

/** The server refused or failed; `detail` is its own sentence, fit for reading. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export async function getJson(path: string): Promise<Json> {
  const answer = await fetch(path, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const body: unknown = await answer.json().catch(() => null);
  if (answer.status === 401) throw new SignedOut();
  if (!answer.ok || !isObject(body)) throw new Refused(answer.status, detailOf(body));
  return body;
}

function detailOf(body: unknown): string {
  return isObject(body) && typeof body["detail"] === "string" ? body["detail"] : "";
}

/** Whether the server still knows us. When it does not answer, there is no telling: then yes. */
export async function isSignedIn(): Promise<boolean> {
  try {
    await getJson("/api/account");
    return true;
  } catch (error) {
    return !(error instanceof SignedOut);
  }
}
