import assert from "node:assert/strict";
import { test } from "node:test";
import { Feed } from "../../static/src/live/feed.ts";
import type { Message } from "../../static/src/live/messages.ts";

/** The far end of a wire. */
class Wire extends EventTarget {
  closed = false;
  readonly sent: string[] = [];
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
  }

  close(): void {
    this.closed = true;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  say(message: object): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }

  break(code = 1006): void {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

/** A feed, the wires it opened, and the one timer that runs. */
function scene(signedIn = true) {
  const wires: Wire[] = [];
  const told: { states: string[]; messages: Message[] } = { states: [], messages: [] };
  let timer: { milliseconds: number; then: () => void } | null = null;
  const around = {
    connect: (url: string) => {
      const wire = new Wire(url);
      wires.push(wire);
      return wire as unknown as WebSocket;
    },
    setTimer: (milliseconds: number, then: () => void) => {
      const mine = { milliseconds, then };
      timer = mine;
      return () => {
        if (timer === mine) timer = null;
      };
    },
    chance: () => 0.5,
    isSignedIn: () => Promise.resolve(signedIn),
  };
  const feed = new Feed("ws://here/ws/", 5, around, {
    state: (state) => told.states.push(state),
    message: (message) => told.messages.push(message),
  });
  feed.start();
  const ring = () => {
    const due = timer;
    timer = null;
    due?.then();
    return due?.milliseconds;
  };
  return { feed, wires, told, ring };
}

test("after a break it asks for what came after the last thing it heard", () => {
  const { wires, ring } = scene();
  assert.equal(wires[0]?.url, "ws://here/ws/?since=5");
  wires[0]?.say({ type: "welcome", seq: 5, data: {} });
  wires[0]?.say({ type: "location", seq: 9, data: {} });
  wires[0]?.break();
  assert.equal(ring(), 1000);
  assert.equal(wires[1]?.url, "ws://here/ws/?since=9");
});

test("waits grow with each failure and begin anew after success", () => {
  const { wires, ring } = scene();
  const waits = [0, 1, 2].map((attempt) => {
    wires[attempt]?.break();
    return ring();
  });
  wires[3]?.say({ type: "welcome", seq: 5, data: {} });
  wires[3]?.break();
  assert.deepEqual([...waits, ring()], [1000, 2000, 4000, 1000]);
});

test("a quiet server is asked whether it is there, and its answer is enough", () => {
  const { wires, ring, told } = scene();
  wires[0]?.say({ type: "welcome", seq: 5, data: {} });
  assert.equal(ring(), 10_000);
  assert.deepEqual(wires[0]?.sent, ["ping"]);
  wires[0]?.say({ type: "tick", seq: 6, data: {} });
  assert.equal(ring(), 10_000);
  assert.deepEqual(told.states, ["live"]);
});

test("a server that does not answer is stale, then tried anew", () => {
  const { wires, ring, told } = scene();
  wires[0]?.say({ type: "welcome", seq: 5, data: {} });
  assert.deepEqual([ring(), ring()], [10_000, 5_000]);
  assert.deepEqual(told.states, ["live", "stale"]);
  assert.deepEqual([ring(), ring()], [10_000, 5_000]);
  assert.deepEqual(told.states, ["live", "stale", "retrying"]);
  assert.equal(wires[0]?.closed, true);
});

test("a handshake that is never answered is given up", () => {
  const { wires, ring, told } = scene();
  ring();
  assert.deepEqual(told.states, ["retrying"]);
  assert.equal(wires[0]?.closed, true);
});

test("news of a wire that was given up is not listened to", () => {
  const { feed, wires, told } = scene();
  wires[0]?.say({ type: "welcome", seq: 5, data: {} });
  feed.tell("network-lost");
  wires[0]?.say({ type: "location", seq: 7, data: {} });
  wires[0]?.break();
  assert.deepEqual(told.states, ["live", "offline"]);
  assert.equal(told.messages.length, 1);
});

test("a session that ended is noticed, by the server's word or by asking", async () => {
  const told = scene();
  told.wires[0]?.say({ type: "welcome", seq: 5, data: {} });
  told.wires[0]?.break(4401);
  assert.deepEqual(told.told.states, ["live", "signed-out"]);
  const asked = scene(false);
  asked.wires[0]?.break();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(asked.told.states, ["retrying", "signed-out"]);
});

test("frames that cannot be read are passed over", () => {
  const { wires, told } = scene();
  wires[0]?.dispatchEvent(Object.assign(new Event("message"), { data: "{" }));
  wires[0]?.dispatchEvent(Object.assign(new Event("message"), { data: "[]" }));
  wires[0]?.dispatchEvent(Object.assign(new Event("message"), { data: new ArrayBuffer(1) }));
  assert.deepEqual(told.messages, []);
});
