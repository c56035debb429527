// The life of the connection to the server as a table. Pure: it is told what happened and answers with the new
// state and what to do; socket and timers belong to feed.ts.

export type State = "connecting" | "live" | "stale" | "retrying" | "offline" | "paused" | "signed-out";

export type Cue =
  /** The server's welcome came. */
  | "welcome"
  /** Any other frame came. */
  | "frame"
  /** The server's beat is overdue. */
  | "silence"
  /** The socket closed, or never opened. */
  | "closed"
  /** The waiting time before another attempt is over. */
  | "due"
  /** The browser says that there is no network, or that there is one again. */
  | "network-lost"
  | "network-back"
  /** The page was hidden for long, or is looked at again. */
  | "hidden"
  | "shown"
  /** The server no longer knows our session. */
  | "signed-out";

export type Do = "open" | "close" | "wait";

type Step = readonly [State, ...Do[]];
type Row = Readonly<Partial<Record<Cue, Step>>>;

/** Leaving is the same from every state with a socket. */
const LEAVING: Row = {
  "network-lost": ["offline", "close"],
  hidden: ["paused", "close"],
  "signed-out": ["signed-out", "close"],
};

/** An absent pair changes nothing: late news about a connection that is gone. */
export const TABLE: Readonly<Record<State, Row>> = {
  connecting: { ...LEAVING, welcome: ["live"], closed: ["retrying", "wait"], silence: ["retrying", "close", "wait"] },
  live: { ...LEAVING, frame: ["live"], silence: ["stale"], closed: ["retrying", "wait"] },
  stale: {
    ...LEAVING,
    welcome: ["live"],
    frame: ["live"],
    silence: ["retrying", "close", "wait"],
    closed: ["retrying", "wait"],
    shown: ["connecting", "close", "open"],
    "network-back": ["connecting", "close", "open"],
  },
  retrying: {
    ...LEAVING,
    due: ["connecting", "open"],
    shown: ["connecting", "open"],
    "network-back": ["connecting", "open"],
  },
  offline: { "network-back": ["connecting", "open"], hidden: ["paused"], "signed-out": ["signed-out"] },
  paused: { shown: ["connecting", "open"], "signed-out": ["signed-out"] },
  "signed-out": {},
};

export function next(state: State, cue: Cue): { readonly state: State; readonly acts: readonly Do[] } {
  const step = TABLE[state][cue];
  if (step === undefined) return { state, acts: [] };
  const [to, ...acts] = step;
  return { state: to, acts };
}

const LONGEST_WAIT = 60;

/** Seconds before attempt number `attempt` (from 0): 1, 2, 4 … 60, each by up to a fifth off, so that many
 * pages do not come back in step. `chance`: 0 to 1. */
export function waitBefore(attempt: number, chance: number): number {
  return Math.min(LONGEST_WAIT, 2 ** attempt) * (0.8 + 0.4 * chance);
}
