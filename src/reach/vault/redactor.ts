// Masks secret values in what comes back from outside or leaves a tool, however they are written
// there. Best effort and never a boundary: who may send a secret may have it sent back in disguise.

import {
  base64View,
  hexView,
  plainView,
  unescapedView,
  type Escape,
  type View,
} from './decoded-views.ts';

/** What stands for each masked byte; lengths stay, so that framing and offsets hold. */
const MASK = 0x2a;
/** Bytes looked at in one go. */
const WINDOW = 256 << 10;
/** No byte takes more than this many when escaped or encoded, separators included. */
const WIDEST = 8;
/** Shorter texts would be found where nobody put them. */
const SHORTEST = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Texts to look for: as they are, and in the two encodings that have views of their own. */
interface Needles {
  readonly raw: readonly Buffer[];
  readonly base64: readonly Buffer[];
  readonly hex: readonly Buffer[];
}

type Span = readonly [start: number, end: number];

/** Masks the values it was made with. Counts what it masks. */
export class Redactor {
  readonly #needles: Needles;
  /** Longest disguise found across borders, bytes. */
  readonly #reach: number;
  #hits = 0;

  /** @param values secrets of at least eight bytes; or a redactor, for another with the same ones. */
  constructor(values: readonly Uint8Array[] | Redactor) {
    if (values instanceof Redactor) {
      this.#needles = values.#needles;
      this.#reach = values.#reach;
      return;
    }
    const known = values.filter(({ length }) => length >= SHORTEST).flatMap(withDecoded);
    this.#needles = {
      raw: known.flatMap(rawForms),
      base64: known.flatMap(base64Forms),
      hex: known.map((value) => Buffer.from(Buffer.from(value).toString('hex'))),
    };
    this.#reach = WIDEST * Math.max(0, ...known.map(({ length }) => length));
  }

  /** How many occurrences were masked so far. */
  get hits(): number {
    return this.#hits;
  }

  /** The bytes with every occurrence masked: the same object when there is none, else a copy as long. */
  bytes(bytes: Uint8Array): Uint8Array {
    const spans = this.#find(bytes);
    if (spans.length === 0) return bytes;
    this.#hits += spans.length;
    const masked = bytes.slice();
    for (const [start, end] of spans) masked.fill(MASK, start, end);
    return masked;
  }

  /** Whether a text holds one of them. */
  finds(text: string): boolean {
    return this.#find(encoder.encode(text)).length > 0;
  }

  text(text: string): string {
    if (text.length < SHORTEST) return text;
    const bytes = encoder.encode(text);
    const masked = this.bytes(bytes);
    return masked === bytes ? text : decoder.decode(masked);
  }

  /** Every text in a JSON value, names of members included. */
  json<T>(value: T): T {
    return this.#json(value) as T;
  }

  /** Masks a body that comes in parts, across their borders. */
  stream(): RedactedStream {
    const find = (bytes: Uint8Array): readonly Span[] => this.#find(bytes);
    const hit = (): void => void (this.#hits += 1);
    return new RedactedStream(find, hit, this.#reach);
  }

  #json(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') {
      const shown = String(value);
      return shown.length < SHORTEST || this.text(shown) === shown ? value : null;
    }
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#json(item));
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [this.text(name), this.#json(item)]),
    );
  }

  /** Where secrets stand, in order, what overlaps made one. */
  #find(bytes: Uint8Array): readonly Span[] {
    if (this.#reach === 0 || bytes.length < SHORTEST) return [];
    const spans: Span[] = [];
    for (let at = 0; at < bytes.length; at += WINDOW) {
      const window = bytes.subarray(at, at + WINDOW + this.#reach);
      for (const [start, end] of findIn(window, this.#needles)) spans.push([at + start, at + end]);
    }
    return merged(spans);
  }
}

/** A body on its way. Gives out as many bytes as went in, the last ones at its end. */
export class RedactedStream {
  readonly #find: (bytes: Uint8Array) => readonly Span[];
  readonly #hit: () => void;
  readonly #reach: number;
  #held: Uint8Array = new Uint8Array(0);
  /** Bytes of what is held that belong to an occurrence that began before. */
  #carried = 0;
  #parts: Uint8Array[] = [];
  #waiting = 0;

  /** @internal Made by {@link Redactor.stream}. */
  constructor(find: (bytes: Uint8Array) => readonly Span[], hit: () => void, reach: number) {
    this.#find = find;
    this.#hit = hit;
    this.#reach = reach;
  }

  /** Takes a part; gives what can be given already, perhaps nothing. */
  push(part: Uint8Array): Uint8Array {
    if (this.#reach === 0) return part;
    this.#parts.push(part.slice());
    this.#waiting += part.length;
    // Looked at again only when that pays: a body of single bytes must not cost its square.
    if (this.#waiting < Math.max(1, this.#reach >> 2)) return new Uint8Array(0);
    return this.#release(this.#reach);
  }

  /** The rest. */
  end(): Uint8Array {
    return this.#release(0);
  }

  #release(keep: number): Uint8Array {
    const all = Buffer.concat([this.#held, ...this.#parts]);
    this.#parts = [];
    this.#waiting = 0;
    const cut = Math.max(0, all.length - keep);
    const masked = Uint8Array.from(all.subarray(0, cut));
    masked.fill(MASK, 0, Math.min(this.#carried, cut));
    let carried = Math.max(0, this.#carried - cut);
    for (const [start, end] of this.#find(all)) {
      // What begins behind the cut is found again, whole.
      if (start >= cut) break;
      if (start >= this.#carried) this.#hit();
      masked.fill(MASK, start, Math.min(end, cut));
      carried = Math.max(carried, end - cut);
    }
    this.#held = all.subarray(cut);
    this.#carried = carried;
    return masked;
  }
}

const ALL_ESCAPES: readonly Escape[] = ['percent', 'backslash', 'entity'];

function* findIn(bytes: Uint8Array, needles: Needles): Generator<Span, void> {
  const plain = plainView(bytes);
  yield* everyForm(plain, needles);
  let kinds = 0;
  // Each kind alone, because a secret may itself hold what looks like another.
  for (const escape of ALL_ESCAPES) {
    const once = unescapedView(plain, [escape]);
    if (once === undefined) continue;
    kinds += 1;
    yield* occurrences(once, needles.raw);
    const twice = unescapedView(once, [escape]);
    if (twice !== undefined) yield* occurrences(twice, needles.raw);
  }
  // Together, because digits of an encoding may be escaped in any way.
  const once = kinds === 0 ? undefined : unescapedView(plain, ALL_ESCAPES);
  if (once === undefined) return;
  yield* everyForm(once, needles);
  const twice = unescapedView(once, ALL_ESCAPES);
  if (twice !== undefined) yield* occurrences(twice, needles.raw);
}

function* everyForm(view: View, needles: Needles): Generator<Span, void> {
  yield* occurrences(view, needles.raw);
  yield* occurrences(base64View(view), needles.base64);
  yield* occurrences(hexView(view), needles.hex);
}

function* occurrences(view: View, needles: readonly Buffer[]): Generator<Span, void> {
  const { buffer, byteOffset, byteLength } = view.bytes;
  const text = Buffer.from(buffer, byteOffset, byteLength);
  for (const needle of needles) {
    for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + needle.length)) {
      yield [view.start(at), view.end(at + needle.length - 1)];
    }
  }
}

/** A value that is an encoding itself also stands for what it encodes: `Basic` credentials are. */
function withDecoded(value: Uint8Array): Uint8Array[] {
  const text = Buffer.from(value).toString('latin1');
  const decoded = /^[0-9a-f]+$/i.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/_-]+={0,2}$/.test(text)
      ? Buffer.from(text, 'base64')
      : undefined;
  return decoded !== undefined && decoded.length >= SHORTEST ? [value, decoded] : [value];
}

/** As it is, with blanks as forms write them, and backwards. */
function rawForms(value: Uint8Array): Buffer[] {
  const raw = Buffer.from(value);
  const form = raw.includes(0x20)
    ? [Buffer.from(raw.map((byte) => (byte === 0x20 ? 0x2b : byte)))]
    : [];
  return [raw, ...form, Buffer.from(value.toReversed())];
}

/** The digits that are the value's alone when it stands at each of three offsets of a longer text. */
function base64Forms(value: Uint8Array): Buffer[] {
  return [0, 1, 2].map((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), value]);
    const digits = padded.toString('base64').replace(/=+$/, '');
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor((padded.length * 8) / 6);
    return Buffer.from(digits.slice(first, last));
  });
}

function merged(spans: Span[]): readonly Span[] {
  spans.sort(([a], [b]) => a - b);
  const whole: [number, number][] = [];
  for (const [start, end] of spans) {
    const last = whole.at(-1);
    if (last !== undefined && start < last[1]) last[1] = Math.max(last[1], end);
    else whole.push([start, end]);
  }
  return whole;
}
