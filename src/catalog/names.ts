// Names and texts of hostile packages: what may be a name at all, and what hides in a text.

/** Operation names as agents see them. */
const TOOL_NAME = /^[A-Za-z0-9_./-]{1,64}$/;
/** Names warder's own tools use. */
const RESERVED = /^(?:lease_|warder_)/i;
/** Operators' names, for installations and for categories of them. */
const OPERATORS_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/**
 * First and last code points of what does not show, or reorders what is shown: controls (but for tab
 * and line feed), soft hyphen, fillers, variation selectors, zero width, bidi marks, tags.
 */
const HIDDEN: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

function isHidden(code: number): boolean {
  return HIDDEN.some(([first, last]) => code >= first && code <= last);
}

/** Why `name` cannot be the name of an operation; undefined when it can. */
export function toolNameFault(name: string): string | undefined {
  if (!TOOL_NAME.test(name)) return 'must match `^[A-Za-z0-9_./-]{1,64}$`';
  if (RESERVED.test(name)) return 'starts with a prefix kept for warder itself';
  if (name === '__proto__') return 'is not allowed as a name';
  return undefined;
}

/** Whether `name` can name an installation. */
export function isInstallationName(name: string): boolean {
  return OPERATORS_NAME.test(name);
}

/** Whether `name` can name a category of installations. */
export function isCategoryName(name: string): boolean {
  return OPERATORS_NAME.test(name);
}

/** Code points (`U+202E`) in `text` that do not show or that reorder; at most eight. */
export function hiddenCharacters(text: string): readonly string[] {
  const found = new Set<string>();
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (!isHidden(code)) continue;
    found.add(`U+${code.toString(16).toUpperCase().padStart(4, '0')}`);
    if (found.size === 8) break;
  }
  return [...found];
}

/** A text for people: hidden characters made visible, at most `limit` characters. */
export function showText(text: string, limit = 80): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return Array.from(cut, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const shown = !isHidden(code) && code !== 0x09 && code !== 0x0a;
    return shown ? character : `\\u{${code.toString(16)}}`;
  }).join('');
}

/** The candidate closest to `name`, when it is close enough to be a slip of the finger. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.slice(0, 64), candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
