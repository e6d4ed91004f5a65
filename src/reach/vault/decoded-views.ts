// Bytes as somebody would read them who undoes an encoding, with the way back to where each one came
// from: what hides a secret in escapes, line breaks or separators hides it in none of these.

/** Bytes made from other bytes. Positions lead back to the bytes at the root. */
export interface View {
  readonly bytes: Uint8Array;
  /** Where the byte at `index` begins at the root. */
  start(index: number): number;
  /** Where the byte at `index` ends at the root, exclusive. */
  end(index: number): number;
}

/** The bytes as they are. */
export function plainView(bytes: Uint8Array): View {
  return { bytes, start: (index) => index, end: (index) => index + 1 };
}

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const BACKSLASH = 0x5c;

/** What escapes stand for: `%41`; `\u0041`, `\x41`, `\/`, `\n`; `&#65;`, `&#x41;`, `&amp;`. */
export type Escape = 'percent' | 'backslash' | 'entity';

const MARKS: Readonly<Record<Escape, number>> = {
  percent: PERCENT,
  backslash: BACKSLASH,
  entity: AMPERSAND,
};

/** The view with these escapes undone; undefined when it has none of them. */
export function unescapedView(view: View, escapes: readonly Escape[]): View | undefined {
  const source = view.bytes;
  const found = escapes.filter((escape) => source.includes(MARKS[escape]));
  if (found.length === 0) return undefined;
  const marked = new Uint8Array(256);
  for (const escape of found) marked[MARKS[escape]] = 1;
  const bytes = new Uint8Array(source.length);
  const at = new Uint32Array(source.length + 1);
  let length = 0;
  let changed = false;
  for (let index = 0; index < source.length;) {
    const byte = source[index] ?? 0;
    at[length] = index;
    const escape = marked[byte] === 1 ? readEscape(source, index) : undefined;
    if (escape === undefined) {
      bytes[length] = byte;
      index += 1;
    } else {
      bytes[length] = escape.byte;
      index += escape.width;
      changed = true;
    }
    length += 1;
  }
  if (!changed) return undefined;
  at[length] = source.length;
  return {
    bytes: bytes.subarray(0, length),
    start: (index) => view.start(at[index] ?? 0),
    end: (index) => view.end((at[index + 1] ?? 0) - 1),
  };
}

interface ReadEscape {
  readonly byte: number;
  readonly width: number;
}

function readEscape(source: Uint8Array, at: number): ReadEscape | undefined {
  switch (source[at]) {
    case PERCENT:
      return numbered(source, at, 1, 2, 16);
    case BACKSLASH:
      return backslashed(source, at);
    case AMPERSAND:
      return entity(source, at);
    default:
      return undefined;
  }
}

/** Digits of a number that is one byte. */
function numbered(
  source: Uint8Array,
  at: number,
  skip: number,
  most: number,
  base: 10 | 16,
  least = most,
): ReadEscape | undefined {
  let value = 0;
  let count = 0;
  while (count < most) {
    const digit = digitOf(source[at + skip + count] ?? 0);
    if (digit >= base) break;
    value = value * base + digit;
    count += 1;
  }
  return count < least || value > 0xff ? undefined : { byte: value, width: skip + count };
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : 0xff;
}

const LETTERS: ReadonlyMap<number, number> = new Map(
  Object.entries({ n: 0x0a, r: 0x0d, t: 0x09 }).map(([name, byte]) => [name.charCodeAt(0), byte]),
);

function backslashed(source: Uint8Array, at: number): ReadEscape | undefined {
  const next = source[at + 1];
  if (next === undefined) return undefined;
  if (next === 0x75) return numbered(source, at, 2, 4, 16);
  if (next === 0x78) return numbered(source, at, 2, 2, 16);
  const letter = LETTERS.get(next);
  if (letter !== undefined) return { byte: letter, width: 2 };
  // A letter or digit behind a backslash is not known to stand for itself; punctuation does.
  return digitOf(next) < 10 || ((next | 0x20) >= 0x61 && (next | 0x20) <= 0x7a)
    ? undefined
    : { byte: next, width: 2 };
}

const NAMED: readonly (readonly [name: Uint8Array, byte: number])[] = (
  [
    ['&amp;', 0x26],
    ['&lt;', 0x3c],
    ['&gt;', 0x3e],
    ['&quot;', 0x22],
    ['&apos;', 0x27],
  ] as const
).map(([name, byte]) => [new TextEncoder().encode(name), byte]);

function entity(source: Uint8Array, at: number): ReadEscape | undefined {
  if (source[at + 1] === 0x23) {
    const hex = ((source[at + 2] ?? 0) | 0x20) === 0x78;
    const number = numbered(source, at, hex ? 3 : 2, 7, hex ? 16 : 10, 1);
    if (number === undefined) return undefined;
    // The semicolon is often left out, and browsers do without.
    const closed = source[at + number.width] === 0x3b ? 1 : 0;
    return { byte: number.byte, width: number.width + closed };
  }
  for (const [name, byte] of NAMED) {
    if (name.every((each, index) => source[at + index] === each)) {
      return { byte, width: name.length };
    }
  }
  return undefined;
}

const DROPPED = 0x100;

/** Base64 of either alphabet as one: `-` and `_` as `+` and `/`, without line breaks and blanks. */
const BASE64 = Uint16Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x2d) return 0x2b;
  if (byte === 0x5f) return 0x2f;
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) ? DROPPED : byte;
});

/** Hexadecimal digits in lower case, without what is put between pairs: blanks and `:`, `-`, `,`. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x41 && byte <= 0x46) return byte | 0x20;
  const between = byte === 0x3a || byte === 0x2d || byte === 0x2c;
  return between || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) ? DROPPED : byte;
});

export function base64View(view: View): View {
  return mappedView(view, BASE64);
}

export function hexView(view: View): View {
  return mappedView(view, HEX);
}

function mappedView(view: View, table: Uint16Array): View {
  const source = view.bytes;
  const bytes = new Uint8Array(source.length);
  const at = new Uint32Array(source.length);
  let length = 0;
  for (let index = 0; index < source.length; index += 1) {
    const mapped = table[source[index] ?? 0] ?? 0;
    if (mapped === DROPPED) continue;
    bytes[length] = mapped;
    at[length] = index;
    length += 1;
  }
  return {
    bytes: bytes.subarray(0, length),
    start: (index) => view.start(at[index] ?? 0),
    end: (index) => view.end(at[index] ?? 0),
  };
}
