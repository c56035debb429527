// Carries the connection machine: the WebSocket, its timers, and what the browser tells about network and
// visibility. Knows the last sequence number and asks for what came after it. Decides nothing about people.

import { type Message, readMessage } from "./messages.ts";
import { type Cue, type Do, next, type State, waitBefore } from "./machine.ts";

/** Milliseconds without a frame after which the server counts as gone; also for the welcome. */
const SILENCE = 15_000;
/** Milliseconds without a frame after which it is asked whether it is there: a family that rests has no news. */
const QUIET = 10_000;
const PING = "ping";
/** The close code with which the server says that our session is over. */
const SIGNED_OUT = 4401;
/** Milliseconds out of sight after which the connection is given up. */
const HIDDEN = 5 * 60_000;

export interface Surroundings {
  readonly connect: (url: string) => WebSocket;
  readonly setTimer: (milliseconds: number, then: () => void) => () => void;
  readonly chance: () => number;
  /** Whether the server still knows who we are; asked when a socket was refused. */
  readonly isSignedIn: () => Promise<boolean>;
}

export interface Listener {
  state(state: State): void;
  message(message: Message): void;
}

export class Feed {
  #state: State = "connecting";
  #socket: WebSocket | null = null;
  #attempt = 0;
  #seq: number | null;
  #cancelTimer = (): void => {};
  readonly #address: string;
  readonly #around: Surroundings;
  readonly #listener: Listener;

  constructor(address: string, seq: number | null, around: Surroundings, listener: Listener) {
    this.#address = address;
    this.#seq = seq;
    this.#around = around;
    this.#listener = listener;
  }

  start(): void {
    this.#do("open");
  }

  /** Where to resume from, after the page has read everything anew. */
  resumeFrom(seq: number | null): void {
    this.#seq = seq;
  }

  tell(cue: Cue): void {
    const { state, acts } = next(this.#state, cue);
    if (state === "live") this.#attempt = 0;
    const changed = state !== this.#state;
    this.#state = state;
    if (changed && acts.length === 0) this.#expectFrame();
    for (const act of acts) this.#do(act);
    if (changed) this.#listener.state(state);
  }

  #do(act: Do): void {
    if (act === "open") this.#open();
    else if (act === "close") this.#close();
    else this.#wait();
  }

  #open(): void {
    const url = this.#seq === null ? this.#address : `${this.#address}?since=${this.#seq}`;
    const socket = this.#around.connect(url);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket) this.#received(data);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.#socket) this.#closed(code);
    });
    this.#timer(SILENCE, () => this.tell("silence"));
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#cancelTimer();
    socket?.close();
  }

  #closed(code: number): void {
    const neverOpened = this.#state === "connecting";
    this.#socket = null;
    this.tell(code === SIGNED_OUT ? "signed-out" : "closed");
    if (neverOpened) void this.#askWhoWeAre();
  }

  /** Browsers do not say why a socket was refused: a session that ended looks like a server that is away. */
  async #askWhoWeAre(): Promise<void> {
    if (!(await this.#around.isSignedIn())) this.tell("signed-out");
  }

  #wait(): void {
    const seconds = waitBefore(this.#attempt, this.#around.chance());
    this.#attempt += 1;
    this.#timer(seconds * 1000, () => this.tell("due"));
  }

  #received(frame: unknown): void {
    const message = readMessage(frame);
    if (message === null) return;
    if (message.seq !== null) this.#seq = message.seq;
    this.tell(message.type === "welcome" ? "welcome" : "frame");
    this.#expectFrame();
    this.#listener.message(message);
  }

  /** A connection can be dead for hours before the browser notices; nobody may look at an old map that says Live. */
  #expectFrame(): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#timer(QUIET, () => {
      socket.send(PING);
      this.#timer(SILENCE - QUIET, () => this.tell("silence"));
    });
  }

  #timer(milliseconds: number, then: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#around.setTimer(milliseconds, then);
  }
}

/** Joins a feed to what the browser knows: network, and whether anybody looks. */
export function followBrowser(feed: Feed, setTimer: Surroundings["setTimer"]): void {
  let cancelHiding = (): void => {};
  addEventListener("online", () => feed.tell("network-back"));
  addEventListener("offline", () => feed.tell("network-lost"));
  document.addEventListener("visibilitychange", () => {
    cancelHiding();
    if (document.hidden) cancelHiding = setTimer(HIDDEN, () => feed.tell("hidden"));
    else feed.tell("shown");
  });
}
