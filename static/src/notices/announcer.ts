// The one place from which a screen reader hears something unasked: connection changes, never single fixes; at
// most one message in ten seconds, and then the newest.

const QUIET = 10_000;

export class Announcer {
  readonly #region: HTMLElement;
  #waiting: string | null = null;
  #quiet = false;

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  say(text: string): void {
    if (this.#quiet) {
      this.#waiting = text;
      return;
    }
    this.#region.textContent = text;
    this.#quiet = true;
    setTimeout(() => {
      this.#quiet = false;
      const next = this.#waiting;
      this.#waiting = null;
      if (next !== null && next !== this.#region.textContent) this.say(next);
    }, QUIET);
  }
}
