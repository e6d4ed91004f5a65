// Conditions on a row: `population > 1000 and not (name contains "land" or code in ["A", "B"])`.
// Operators: = != < <= > >= contains startsWith endsWith in exists; and, or, not, parentheses.

import { Problem } from '../../../wit/sdk/typescript/tool.ts';
import { field, parsePath, type Json, type Path } from './path.ts';

export type Condition = (row: Json) => boolean;

type Token = { readonly kind: 'symbol' | 'word' | 'value'; readonly text: string };

const MAX_LENGTH = 4000;
const MAX_DEPTH = 50;
const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.-])|(<=|>=|!=|==|[=<>(),])|(\[(?=\s*(?:"|-?\d|true|false|null|\]))|\])|((?:[^\s=<>!(),"[\]]|\[[^\]]*\])+))/y;

function tokens(text: string): Token[] {
  if (text.length > MAX_LENGTH) throw new Problem(`a condition has at most ${MAX_LENGTH} characters`);
  const found: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw new Problem(`condition: cannot read \`${text.slice(at).trim()}\``);
    const [whole, quoted, number, symbol, bracket, word] = match;
    if (quoted !== undefined || number !== undefined) {
      found.push({ kind: 'value', text: quoted ?? number ?? '' });
    } else if (symbol !== undefined || bracket !== undefined) {
      found.push({ kind: 'symbol', text: symbol ?? bracket ?? '' });
    } else if (word === 'true' || word === 'false' || word === 'null') {
      found.push({ kind: 'value', text: word });
    } else found.push({ kind: 'word', text: word ?? '' });
    at += whole.length;
  }
  return found;
}

/** Order of two values of one type: negative, 0, positive; NaN for different types. */
export function compare(a: Json | undefined, b: Json | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  return NaN;
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

function contains(whole: Json | undefined, part: Json): boolean {
  if (typeof whole === 'string') return typeof part === 'string' && whole.includes(part);
  return Array.isArray(whole) && whole.some((item) => same(item, part));
}

const OPERATORS: Readonly<Record<string, (a: Json | undefined, b: Json) => boolean>> = {
  __proto__: null as never,
  '=': same,
  '==': same,
  '!=': (a, b) => !same(a, b),
  '<': (a, b) => compare(a, b) < 0,
  '<=': (a, b) => compare(a, b) <= 0,
  '>': (a, b) => compare(a, b) > 0,
  '>=': (a, b) => compare(a, b) >= 0,
  contains,
  startsWith: (a, b) => typeof a === 'string' && typeof b === 'string' && a.startsWith(b),
  endsWith: (a, b) => typeof a === 'string' && typeof b === 'string' && a.endsWith(b),
  in: (a, b) => Array.isArray(b) && b.some((item) => same(a, item)),
};

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  whole(): Condition {
    const condition = this.#or();
    const left = this.#tokens[this.#at];
    if (left) throw new Problem(`condition: \`${left.text}\` is not expected here`);
    return condition;
  }

  #take(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (!token || token.kind === 'value' || token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #or(): Condition {
    const first = this.#and();
    if (!this.#take('or')) return first;
    const second = this.#or();
    return (row) => first(row) || second(row);
  }

  #and(): Condition {
    const first = this.#not();
    if (!this.#take('and')) return first;
    const second = this.#and();
    return (row) => first(row) && second(row);
  }

  #not(): Condition {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Problem(`a condition nests at most ${MAX_DEPTH} deep`);
    try {
      if (this.#take('not')) {
        const inner = this.#not();
        return (row) => !inner(row);
      }
      if (!this.#take('(')) return this.#comparison();
      const inner = this.#or();
      if (!this.#take(')')) throw new Problem('condition: a `)` is missing');
      return inner;
    } finally {
      this.#depth -= 1;
    }
  }

  #comparison(): Condition {
    const path = this.#field();
    if (this.#take('exists')) return (row) => field(path, row) !== undefined;
    const operator = this.#tokens[this.#at]?.text ?? '';
    const test = this.#tokens[this.#at]?.kind === 'value' ? undefined : OPERATORS[operator];
    if (!test) {
      const known = Object.keys(OPERATORS).join(' ');
      throw new Problem(`condition: expected one of ${known} exists, not \`${operator}\``);
    }
    this.#at += 1;
    const value = this.#value();
    return (row) => test(field(path, row), value);
  }

  #field(): Path {
    const token = this.#tokens[this.#at];
    // A quoted name stands for a field whose name has spaces.
    if (token?.kind === 'value' && token.text.startsWith('"')) {
      this.#at += 1;
      return parsePath(`[${token.text}]`);
    }
    if (token?.kind !== 'word') {
      throw new Problem(`condition: expected a field, not \`${token?.text ?? 'the end'}\``);
    }
    this.#at += 1;
    return parsePath(token.text);
  }

  #value(): Json {
    const token = this.#tokens[this.#at];
    if (token?.kind === 'value') {
      this.#at += 1;
      return JSON.parse(token.text) as Json;
    }
    if (this.#take('[')) {
      const list: Json[] = [];
      while (!this.#take(']')) {
        if (list.length > 0 && !this.#take(',')) throw new Problem('condition: a `,` is missing');
        list.push(this.#value());
      }
      return list;
    }
    const text = token?.text ?? 'the end';
    throw new Problem(`condition: expected a value ("text", number, list), not \`${text}\``);
  }
}

/** @throws Problem when the text is no condition. */
export function parseCondition(text: string): Condition {
  return new Parser(text).whole();
}
