// Names and texts of hostile packages: what may be a name at all, and what hides in a text.

/** Operation names as agents see them. */
const TOOL_NAME = /^[A-Za-z0-9_./-]{1,64}$/;
/** Names warder's own tools use. */
const RESERVED = /^(?:lease_|warder_)/i;
/** Operators' names for installations. */
const INSTALLATION_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** Characters that do not show, or that reorder what is shown: controls, bidi marks, zero width, tags. */
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/u;

/** Why `name` cannot be the name of an operation; undefined when it can. */
export function toolNameFault(name: string): string | undefined {
  if (!TOOL_NAME.test(name)) return 'must match `^[A-Za-z0-9_./-]{1,64}$`';
  if (RESERVED.test(name)) return 'starts with a prefix kept for warder itself';
  if (name === '__proto__') return 'is not allowed as a name';
  return undefined;
}

/** Whether `name` can name an installation. */
export function isInstallationName(name: string): boolean {
  return INSTALLATION_NAME.test(name);
}

/** Code points (`U+202E`) in `text` that do not show or that reorder; at most eight. */
export function hiddenCharacters(text: string): readonly string[] {
  const found = new Set<string>();
  for (const character of text) {
    if (!HIDDEN.test(character)) continue;
    const code = character.codePointAt(0) ?? 0;
    found.add(`U+${code.toString(16).toUpperCase().padStart(4, '0')}`);
    if (found.size === 8) break;
  }
  return [...found];
}

/** A text for people: hidden characters made visible, at most `limit` characters. */
export function showText(text: string, limit = 80): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return [...cut]
    .map((character) =>
      HIDDEN.test(character) || character === '\n' || character === '\t'
        ? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
        : character,
    )
    .join('');
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
