// Times of day and dates as somebody reads them: in the time zone and the language of their profile, else in
// those of the browser.

interface Zone {
  readonly timeZone?: string;
}

/** What this browser's `Intl` does not know is as if it were not chosen. */
function isKnown(language: string | undefined, zone: Zone): boolean {
  try {
    return new Intl.DateTimeFormat(language, zone) !== null;
  } catch {
    return false;
  }
}

export class Clock {
  readonly #time: Intl.DateTimeFormat;
  readonly #moment: Intl.DateTimeFormat;
  readonly #fields: Intl.DateTimeFormat;

  /** `zone`: an IANA name, `language`: BCP 47; either may be empty. */
  constructor(zone = "", language = "") {
    const spoken = language !== "" && isKnown(language, {}) ? language : undefined;
    const isChosen = zone !== "" && isKnown(undefined, { timeZone: zone });
    const place: Zone = isChosen ? { timeZone: zone } : {};
    this.#time = new Intl.DateTimeFormat(spoken, { ...place, hour: "2-digit", minute: "2-digit" });
    // The clock on the wall may be another than that of the profile: then it must be said which.
    this.#moment = new Intl.DateTimeFormat(spoken, {
      ...place, dateStyle: "medium", timeStyle: isChosen ? "long" : "medium",
    });
    this.#fields = new Intl.DateTimeFormat("en", {
      ...place, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    });
  }

  /** "18:02", as the language writes it. */
  timeText(at: number): string {
    return this.#time.format(at * 1000);
  }

  /** Day and time, to the second. */
  momentText(at: number): string {
    return this.#moment.format(at * 1000);
  }

  /** The second at which the day of `now` begins, also where clocks were turned since. */
  startOfDay(now: number): number {
    const whole = Math.floor(now);
    const local = whole + this.#ahead(whole);
    const midnight = local - (((local % 86_400) + 86_400) % 86_400);
    const near = midnight - this.#ahead(midnight - this.#ahead(whole));
    // A midnight that comes twice, or that is skipped: what counts is how clocks went before.
    return midnight - this.#ahead(near - 1);
  }

  /** Seconds by which the zone is ahead of UTC then. */
  #ahead(at: number): number {
    const fields = new Map(this.#fields.formatToParts(at * 1000).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes): number => fields.get(type) ?? 0;
    return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second")) / 1000 - at;
  }
}
