import assert from "node:assert/strict";
import { test } from "node:test";
import { lampOf } from "../../static/src/live/lamp.ts";
import { type Cue, next, type State, TABLE, waitBefore } from "../../static/src/live/machine.ts";

const STATES = Object.keys(TABLE) as State[];
const CUES: Cue[] = ["welcome", "frame", "silence", "closed", "due", "network-lost", "network-back", "hidden", "shown", "signed-out"];

function walk(...cues: Cue[]): State {
  return cues.reduce<State>((state, cue) => next(state, cue).state, "connecting");
}

test("a connection comes up, falls silent, and is given up only at the second silence", () => {
  assert.equal(walk("welcome"), "live");
  assert.equal(walk("welcome", "silence"), "stale");
  assert.equal(walk("welcome", "silence", "frame"), "live");
  assert.equal(walk("welcome", "silence", "silence"), "retrying");
  assert.equal(walk("welcome", "closed", "due", "welcome"), "live");
});

test("without network nobody tries; with it, at once", () => {
  assert.equal(walk("welcome", "network-lost", "due", "shown"), "offline");
  assert.deepEqual(next("offline", "network-back"), { state: "connecting", acts: ["open"] });
  assert.deepEqual(next("retrying", "network-back"), { state: "connecting", acts: ["open"] });
});

test("a page that nobody looks at lets go, and comes back when it is looked at", () => {
  assert.equal(walk("welcome", "hidden"), "paused");
  assert.equal(walk("welcome", "hidden", "shown", "welcome"), "live");
});

test("a session that ended is the end, whatever comes after", () => {
  assert.deepEqual(CUES.map((cue) => next("signed-out", cue)), CUES.map(() => ({ state: "signed-out", acts: [] })));
});

test("wherever a socket is opened none is left open before, and leaving a state with one closes it", () => {
  const withSocket = new Set<State>(["connecting", "live", "stale"]);
  for (const state of STATES) {
    for (const cue of CUES) {
      const step = next(state, cue);
      const label = `${state} + ${cue}`;
      if (withSocket.has(state) && step.acts.includes("open")) assert.equal(step.acts[0], "close", label);
      const left = withSocket.has(state) && !withSocket.has(step.state) && cue !== "closed";
      if (left) assert.equal(step.acts[0], "close", label);
      if (!withSocket.has(state)) assert.equal(step.acts.includes("close") && state !== "retrying", false, label);
    }
  }
});

test("every state has a word and a lamp of its own kind, green only when live", () => {
  assert.deepEqual(STATES.filter((state) => lampOf(state).lamp === "live"), ["live"]);
  assert.equal(new Set(STATES.map((state) => lampOf(state).text)).size, STATES.length);
});

test("waits double up to a minute, a fifth more or less", () => {
  assert.deepEqual([0, 1, 2, 5, 6, 60].map((attempt) => waitBefore(attempt, 0.5)), [1, 2, 4, 32, 60, 60]);
  assert.ok(Math.abs(waitBefore(0, 0) - 0.8) < 1e-9 && Math.abs(waitBefore(0, 1) - 1.2) < 1e-9);
});
