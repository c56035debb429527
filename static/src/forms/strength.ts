// How hard a new password is to guess, in words, while it is typed. A rough estimate, and on the safe side: the
// server, which knows lists of common ones, has the last word (people/guessing.py).

const SHORTEST = 8;
/** What whoever guesses must try, as a power of two. A run of letters is taken for a word, cheaper than its letters. */
const LETTER = 4.7;
const WORD = 6;
const LETTER_OF_WORD = 1.2;
const DIGIT = 3.3;
const YEAR = 7;
const SIGN = 4;
const NEXT_IN_ROW = 1;
const SAME_AGAIN = 0.5;

const PIECES = /\p{L}+|\p{N}+|[^\p{L}\p{N}]+/gu;
const ROWS = ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop"];

/** What one sign costs after those before it: a third in a row, or the same again, next to nothing. */
function bitsOfSign(signs: readonly string[], at: number, each: number): number {
  const sign = signs[at] ?? "";
  if (sign === signs[at - 1]) return SAME_AGAIN;
  const three = at < 2 ? "" : signs.slice(at - 2, at + 1).join("");
  const back = [...three].reverse().join("");
  return three !== "" && ROWS.some((row) => row.includes(three) || row.includes(back)) ? NEXT_IN_ROW : each;
}

function bitsOf(piece: string): number {
  if (/^(19|20)\d\d$/.test(piece)) return YEAR;
  const letters = /^\p{L}/u.test(piece);
  const each = letters ? LETTER : /^\p{N}/u.test(piece) ? DIGIT : SIGN;
  const signs = [...piece];
  const all = signs.reduce((sum, _, at) => sum + bitsOfSign(signs, at, each), 0);
  return letters ? Math.min(all, WORD + LETTER_OF_WORD * signs.length) : all;
}

/** About how many bits whoever guesses has to find; `own`: what everybody knows of the person. */
export function bits(password: string, own: readonly string[] = []): number {
  const known = own.filter((word) => word.length > 2).map((word) => word.toLowerCase());
  const rest = known.reduce((text, word) => text.replaceAll(word, " "), password.toLowerCase());
  const pieces = rest.match(PIECES) ?? [];
  const distinct = [...new Set(pieces)].reduce((sum, piece) => sum + bitsOf(piece), 0);
  return distinct + (pieces.length - new Set(pieces).size) * SAME_AGAIN;
}

/** The same in words; empty for nothing. */
export function strengthText(password: string, own: readonly string[] = []): string {
  if (password === "") return "";
  if ([...password].length < SHORTEST) return "Too short so far.";
  const found = bits(password, own);
  if (found < 28) return "Weak: soon guessed. Add a word or two.";
  if (found < 38) return "Fair. One more word makes it good.";
  return found < 50 ? "Good." : "Strong.";
}
