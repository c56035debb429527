// WebAuthn in JSON, as the server speaks it: browsers of our oldest targets cannot translate it themselves.

import { isObject, type Json } from "../people/fix.ts";

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

export function textOf(bytes: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The options as the browser wants them: what the server writes as text is bytes to it. */
export function optionsOf(told: Json): Record<string, unknown> {
  const options: Record<string, unknown> = { ...told, challenge: bytesOf(String(told["challenge"])) };
  const user = told["user"];
  if (isObject(user)) options["user"] = { ...user, id: bytesOf(String(user["id"])) };
  for (const name of ["allowCredentials", "excludeCredentials"]) {
    const known = told[name];
    if (!Array.isArray(known)) continue;
    options[name] = known.filter(isObject).map((one) => ({ ...one, id: bytesOf(String(one["id"])) }));
  }
  return options;
}

export function answerOf(credential: PublicKeyCredential): Json {
  return {
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: {},
    response: responseOf(credential.response),
  };
}

function responseOf(response: AuthenticatorResponse): Json {
  const told: Record<string, unknown> = { clientDataJSON: textOf(response.clientDataJSON) };
  if (response instanceof AuthenticatorAttestationResponse) {
    told["attestationObject"] = textOf(response.attestationObject);
    told["transports"] = response.getTransports?.() ?? [];
  } else if (response instanceof AuthenticatorAssertionResponse) {
    told["authenticatorData"] = textOf(response.authenticatorData);
    told["signature"] = textOf(response.signature);
    told["userHandle"] = response.userHandle === null ? null : textOf(response.userHandle);
  }
  return told;
}
