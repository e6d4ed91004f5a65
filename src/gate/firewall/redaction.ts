// Masks what the operator's patterns match in a text that leaves. Patterns are matched in linear time, and
// all of an answer has one bounded budget of steps: what goes over it is masked whole.

import { type LinearPattern, linearPattern } from '../../catalog/linear-pattern.ts';

/** A pattern of the config. */
export interface RedactionPattern {
  readonly name: string;
  /** ECMA-262, without look-around and back-references. */
  readonly pattern: string;
}

/** Longest piece of a line that is looked at in one go, UTF-16 units. */
const PIECE = 16 << 10;
/** Characters looked at once more because something before them matched, in all of an answer. */
const STEPS = 8 << 20;
/** Stands for the rest of a text when they are used up. */
const REST = '[not looked through]';

/** The operator's patterns, compiled. */
export class Redaction {
  readonly #patterns: readonly (readonly [name: string, pattern: LinearPattern])[];

  /** @throws SyntaxError for a pattern that cannot be matched in linear time. */
  constructor(patterns: readonly RedactionPattern[]) {
    this.#patterns = patterns.map(({ name, pattern }) => [name, linearPattern(pattern)]);
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /** Name of the first pattern that matches somewhere in a text, line by line. */
  matching(text: string): string | undefined {
    if (this.isEmpty) return undefined;
    for (const piece of piecesOf(text)) {
      const found = this.#patterns.find(([, pattern]) => pattern.test(piece));
      if (found !== undefined) return found[0];
    }
    return undefined;
  }

  /** For one call's output. */
  begin(): RedactionRun {
    return new RedactionRun(this.#patterns);
  }
}

/** Masks the output of one call, and counts. */
export class RedactionRun {
  readonly #patterns: readonly (readonly [name: string, pattern: LinearPattern])[];
  #steps = STEPS;
  #hits = 0;

  /** @internal Made by {@link Redaction.begin}. */
  constructor(patterns: readonly (readonly [name: string, pattern: LinearPattern])[]) {
    this.#patterns = patterns;
  }

  /** How many occurrences were masked so far. */
  get hits(): number {
    return this.#hits;
  }

  text(text: string): string {
    if (this.#patterns.length === 0) return text;
    let out = '';
    for (const piece of piecesOf(text)) {
      const masked = this.#piece(piece);
      if (masked === undefined) {
        this.#hits += 1;
        return out + REST;
      }
      out += masked;
    }
    return out === text ? text : out;
  }

  /** Every text in a JSON value, names of members included; a number that matches becomes null. */
  json<T>(value: T): T {
    return (this.#patterns.length === 0 ? value : this.#json(value)) as T;
  }

  #json(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') {
      const shown = String(value);
      return this.text(shown) === shown ? value : null;
    }
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#json(item));
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [this.text(name), this.#json(item)]),
    );
  }

  /** Undefined when there are no steps left to look through it. */
  #piece(piece: string): string | undefined {
    let text: string | undefined = piece;
    for (const [name, pattern] of this.#patterns) {
      text = this.#mask(text, name, pattern);
      if (text === undefined) return undefined;
    }
    return text;
  }

  #mask(text: string, name: string, pattern: LinearPattern): string | undefined {
    let out = '';
    let at = 0;
    for (;;) {
      // A pattern that matches again and again would cost the square of the text.
      if (at > 0) this.#steps -= text.length - at;
      if (this.#steps < 0) return undefined;
      const span = pattern.find(text, at);
      if (span === undefined) return out + text.slice(at);
      const [start, end] = span;
      if (end === start) {
        // Nothing to mask here: on to the next character.
        if (start >= text.length) return out + text.slice(at);
        out += text.slice(at, start + 1);
        at = start + 1;
        continue;
      }
      this.#hits += 1;
      out += `${text.slice(at, start)}[${name}]`;
      at = end;
    }
  }
}

/** Lines with their ends; long ones in pieces, cut behind a blank where there is one. */
function* piecesOf(text: string): Generator<string, void> {
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf('\n', at);
    const end = lineEnd < 0 ? text.length : lineEnd + 1;
    while (end - at > PIECE) {
      const blank = text.lastIndexOf(' ', at + PIECE - 1);
      const cut = blank > at + PIECE / 2 ? blank + 1 : at + PIECE;
      yield text.slice(at, cut);
      at = cut;
    }
    yield text.slice(at, end);
    at = end;
  }
}
