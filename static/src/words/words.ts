// The words a person reads: whole sentences with named slots, so that a later issue can hand in another
// language's. `t` for one sentence, `n` for one that depends on a count.

type Slots = Readonly<Record<string, string | number>>;

const plural = new Intl.PluralRules("en");

function fill(sentence: string, slots: Slots): string {
  return sentence.replace(/\{(\w+)\}/g, (slot, name: string) => String(slots[name] ?? slot));
}

export function t(sentence: string, slots: Slots = {}): string {
  return fill(sentence, slots);
}

/** `{count}` is filled in by itself. */
export function n(one: string, many: string, count: number, slots: Slots = {}): string {
  return fill(plural.select(count) === "one" ? one : many, { count, ...slots });
}
