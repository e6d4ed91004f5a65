// Strict JSON (RFC 8259, with the restrictions of RFC 7493 I-JSON): one reading only, for every room.

import { WarderError } from '../errors/errors.ts';
import type { Json, JsonObject } from './json.ts';

/** Bounds of a document. */
export interface JsonLimits {
  /** Most bytes of input; 1 MiB when absent. */
  readonly maxBytes?: number;
  /** Deepest nesting of arrays and objects; 64 when absent. */
  readonly maxDepth?: number;
}

const DEFAULT_MAX_BYTES = 1024 * 1024;
const DEFAULT_MAX_DEPTH = 64;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Parses one JSON document. Objects have a null prototype, so that `__proto__` is a key like any other.
 *
 * @throws WarderError `malformed` for invalid UTF-8, duplicate members, unpaired surrogates, integers
 *   beyond 2^53, numbers that are not finite, too deep nesting, too long input, and anything RFC 8259
 *   does not allow; the message names the offset in UTF-16 units.
 */
export function parseJson(input: string | Uint8Array, limits: JsonLimits = {}): Json {
  return parse(input, limits, false);
}

/**
 * Parses one JSON document in canonical form (RFC 8785) and refuses every other spelling of it. The same
 * as to parse, to write again and to compare, in one pass.
 *
 * @throws WarderError `malformed` as {@link parseJson}, and for what is not canonical.
 */
export function parseCanonicalJson(input: string | Uint8Array, limits: JsonLimits = {}): Json {
  return parse(input, limits, true);
}

function parse(input: string | Uint8Array, limits: JsonLimits, canonical: boolean): Json {
  const maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  const bytes = typeof input === 'string' ? utf8Length(input, maxBytes) : input.length;
  if (bytes > maxBytes) {
    throw new WarderError('malformed', `the JSON is longer than ${maxBytes} bytes`, {
      hint: 'send less at once',
    });
  }
  return new Parser(decode(input), limits.maxDepth ?? DEFAULT_MAX_DEPTH, canonical).document();
}

function decode(input: string | Uint8Array): string {
  if (typeof input === 'string') return input;
  try {
    return decoder.decode(input);
  } catch (cause) {
    throw new WarderError('malformed', 'the JSON is not valid UTF-8', {
      cause,
      hint: 'encode the document as UTF-8 without a byte order mark',
    });
  }
}

/** Bytes of `text` as UTF-8, exactly only when near the bound. */
function utf8Length(text: string, bound: number): number {
  if (text.length > bound) return text.length;
  return text.length * 3 <= bound ? text.length : encoder.encode(text).length;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPES: Readonly<Record<string, string>> = Object.assign(
  Object.create(null) as Record<string, string>,
  { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' },
);

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #canonical: boolean;
  #at = 0;
  #depth = 0;

  constructor(text: string, maxDepth: number, canonical: boolean) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#canonical = canonical;
  }

  document(): Json {
    this.#space();
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail('there is more after the document');
    return value;
  }

  #value(): Json {
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#object();
      case 0x5b:
        return this.#array();
      case QUOTE:
        return this.#string();
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    this.#enter();
    const object = Object.create(null) as Record<string, Json>;
    this.#at += 1;
    this.#space();
    if (this.#take(0x7d)) return this.#leave(object);
    let before: string | undefined;
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#fail('expected a member name');
      const from = this.#at;
      const name = this.#string();
      if (name in object)
        this.#fail(`the member ${JSON.stringify(name.slice(0, 64))} stands twice`, from);
      // Texts compare by UTF-16 code units, the order of RFC 8785 section 3.2.3.
      if (this.#canonical && before !== undefined && name < before) this.#notCanonical(from);
      before = name;
      this.#space();
      if (!this.#take(0x3a)) this.#fail('expected `:`');
      this.#space();
      object[name] = this.#value();
      this.#space();
      if (this.#take(0x7d)) return this.#leave(object);
      if (!this.#take(0x2c)) this.#fail('expected `,` or `}`');
      this.#space();
    }
  }

  #array(): Json[] {
    this.#enter();
    const array: Json[] = [];
    this.#at += 1;
    this.#space();
    if (this.#take(0x5d)) return this.#leave(array);
    for (;;) {
      array.push(this.#value());
      this.#space();
      if (this.#take(0x5d)) return this.#leave(array);
      if (!this.#take(0x2c)) this.#fail('expected `,` or `]`');
      this.#space();
    }
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at + 1;
    let at = start;
    let out = '';
    let from = start;
    let wide = false;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        out += text.slice(from, at);
        this.#at = at;
        out += this.#escape();
        wide = true;
        at = this.#at;
        from = at;
        continue;
      }
      // NaN (the end) fails this comparison too.
      if (!(code >= 0x20)) {
        this.#at = at;
        this.#fail(
          at >= text.length ? 'the string does not end' : 'a control character in a string',
        );
      }
      if (code >= 0xd800 && code <= 0xdfff) wide = true;
      at += 1;
    }
    out = from === start ? text.slice(start, at) : out + text.slice(from, at);
    this.#at = at + 1;
    if (wide) {
      if (!out.isWellFormed()) this.#fail('an unpaired surrogate in a string', start);
      if (this.#canonical && JSON.stringify(out) !== text.slice(start - 1, at + 1)) {
        this.#notCanonical(start);
      }
    }
    return out;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('a broken `\\u` escape');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = ESCAPES[letter];
    if (plain === undefined) this.#fail('an unknown escape');
    this.#at += 2;
    return plain;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) this.#fail('expected a value');
    const [digits] = match;
    const value = Number(digits);
    if (!Number.isFinite(value)) this.#fail('a number too large to represent');
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      this.#fail('an integer beyond 2^53');
    }
    // ECMAScript's number form is the one RFC 8785 prescribes; -0 is 0.
    if (this.#canonical && String(value) !== digits) this.#notCanonical(this.#at);
    this.#at += digits.length;
    return value;
  }

  #word<T extends Json>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('expected a value');
    this.#at += word.length;
    return value;
  }

  #space(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      if (this.#canonical) this.#notCanonical(this.#at);
      this.#at += 1;
    }
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at += 1;
    return true;
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > this.#maxDepth) this.#fail(`nested deeper than ${this.#maxDepth} levels`);
  }

  #leave<T>(value: T): T {
    this.#depth -= 1;
    return value;
  }

  #notCanonical(at: number): never {
    throw new WarderError('malformed', `the JSON is not in canonical form at offset ${at}`, {
      hint: 'write it as RFC 8785 says: members in order, no space, one form of each text and number',
      data: { offset: at },
    });
  }

  #fail(what: string, at: number = this.#at): never {
    throw new WarderError('malformed', `not acceptable JSON at offset ${at}: ${what}`, {
      hint: 'send one RFC 8259 document: no duplicate members, integers within 2^53, paired surrogates',
      data: { offset: at },
    });
  }
}
