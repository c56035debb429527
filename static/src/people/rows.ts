// The list of people as values: what each row shows and in which order. Pure; people.view.ts draws it.

import { colourIndex, isSecondRound } from "../map/palette.ts";
import { isStale } from "../time/age.ts";
import type { Fix } from "./fix.ts";
import { colours, type Household, people, type Person, type Placed } from "./household.ts";
import type { Viewer } from "./viewer.ts";
import {
  accuracyText, battery, type Battery, doingText, initials, labels, personName, rowAge, tagText,
} from "./wording.ts";

/** A device in the list and on the map. */
export interface Row {
  /** `user/device` */
  readonly device: string;
  readonly label: string;
  readonly initials: string;
  /** 1 to 8. */
  readonly colour: number;
  readonly secondRound: boolean;
  readonly stale: boolean;
  readonly doing: string;
  readonly age: string;
  /** When it was reported, for people and for machines. */
  readonly reported: string;
  readonly reportedIso: string;
  readonly accuracy: string;
  readonly battery: Battery | null;
  readonly tag: string;
  readonly fix: Fix;
  readonly heard: number;
  readonly online: boolean;
}

/** A person, by name of the account: the phone that leads, and the others that fold out. */
export interface PersonRow {
  readonly owner: string;
  readonly name: string;
  readonly lead: Row;
  readonly others: readonly Row[];
}

export function personRows(household: Household, viewer: Viewer, now: number): readonly PersonRow[] {
  const persons = people(household, viewer.name);
  const names = labels(persons, viewer);
  const numbers = colours(household);
  const row = (device: Placed): Row =>
    rowOf(device, names.get(device.name) ?? "", numbers.get(device.name) ?? 1, viewer, now);
  return persons.map(({ owner, lead, others }: Person) => ({
    owner,
    name: personName(owner, viewer),
    lead: row(lead),
    others: others.map(row),
  }));
}

function rowOf(device: Placed, label: string, colour: number, { units, clock }: Viewer, now: number): Row {
  const { fix, heard } = device;
  return {
    device: device.name,
    label,
    initials: initials(label),
    colour: colourIndex(colour),
    secondRound: isSecondRound(colour),
    stale: isStale(now - heard),
    doing: doingText(device, now, units),
    age: rowAge(device, now),
    reported: clock.momentText(heard),
    reportedIso: new Date(heard * 1000).toISOString(),
    accuracy: accuracyText(fix, units),
    battery: battery(fix),
    tag: tagText(label, device, now, units),
    fix,
    heard,
    online: device.online,
  };
}

export function allRows(persons: readonly PersonRow[]): readonly Row[] {
  return persons.flatMap(({ lead, others }) => [lead, ...others]);
}

/**
 * What the list shows: persons with their phones folded behind the first. Where there is only one person,
 * folding would hide for nothing: then each phone has a row of its own.
 */
export function entries(persons: readonly PersonRow[]): readonly PersonRow[] {
  const [only, second] = persons;
  if (only === undefined || second !== undefined) return persons;
  return allRows(persons).map((row) => ({ owner: row.device, name: row.label, lead: row, others: [] }));
}

/**
 * The same entries in the order they had before, newcomers at the end: while somebody points at the list or
 * walks through it, nothing may jump away under the hand.
 */
export function steady(persons: readonly PersonRow[], before: readonly string[]): readonly PersonRow[] {
  const position = (person: PersonRow): number => {
    const index = before.indexOf(person.owner);
    return index < 0 ? before.length : index;
  };
  return [...persons].sort((one, other) => position(one) - position(other));
}
