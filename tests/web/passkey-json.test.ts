import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, optionsOf, textOf } from "../../static/src/passkeys/json.ts";

test("bytes are written as the server reads them, whatever they are", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 37 + length * 91) % 256);
    const text = textOf(bytes.buffer);
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.equal(text, Buffer.from(bytes).toString("base64url"));
    assert.deepEqual([...bytesOf(text)], [...bytes]);
  }
});

test("options for a new passkey have their bytes, and all else as it was told", () => {
  const options = optionsOf({
    challenge: "AQID",
    rp: { id: "tracks.example", name: "mytracks" },
    user: { id: "BAUG", name: "ana", displayName: "Ana" },
    excludeCredentials: [{ id: "Bwg", type: "public-key" }],
    timeout: 300000,
  });
  assert.deepEqual(options, {
    challenge: Uint8Array.of(1, 2, 3),
    rp: { id: "tracks.example", name: "mytracks" },
    user: { id: Uint8Array.of(4, 5, 6), name: "ana", displayName: "Ana" },
    excludeCredentials: [{ id: Uint8Array.of(7, 8), type: "public-key" }],
    timeout: 300000,
  });
});

test("options for signing in name nobody", () => {
  const options = optionsOf({ challenge: "AQID", rpId: "tracks.example", allowCredentials: [], userVerification: "required" });
  assert.deepEqual(options, {
    challenge: Uint8Array.of(1, 2, 3),
    rpId: "tracks.example",
    allowCredentials: [],
    userVerification: "required",
  });
});
