// The map's colours, read from the page's tokens, so that paper and map change theme together.

export interface Palette {
  readonly land: string;
  readonly sea: string;
  readonly border: string;
  readonly surface: string;
  /** By colour number, from 1; number 0 is for what has no colour of its own. */
  readonly devices: readonly string[];
}

export const DEVICE_COLOURS = 8;

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  const numbers = Array.from({ length: DEVICE_COLOURS }, (_, index) => index + 1);
  return {
    land: token("--land"),
    sea: token("--sea"),
    border: token("--border"),
    surface: token("--surface"),
    devices: [token("--line-strong"), ...numbers.map((number) => token(`--device-${number}`))],
  };
}

/** 1 to 8 for any colour number from 1: the ninth device looks like the first, with a second ring. */
export function colourIndex(number: number): number {
  return ((number - 1) % DEVICE_COLOURS) + 1;
}

export function isSecondRound(number: number): boolean {
  return number > DEVICE_COLOURS;
}
