// What the server says over the socket, read once: a type, a number in its sequence, and data.

import { isObject, type Json } from "../people/fix.ts";

export interface Message {
  readonly type: string;
  readonly seq: number | null;
  readonly data: Json;
}

/** Null for anything that is not one of ours; a frame that cannot be read is no reason to stop. */
export function readMessage(frame: unknown): Message | null {
  if (typeof frame !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  if (!isObject(value) || typeof value["type"] !== "string") return null;
  const { type, seq, data } = value as { type: string; seq: unknown; data: unknown };
  return { type, seq: typeof seq === "number" ? seq : null, data: isObject(data) ? data : {} };
}
