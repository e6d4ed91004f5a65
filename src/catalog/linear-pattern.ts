// ECMA-262 patterns of JSON Schema, matched in linear time: translated to RE2 syntax token by
// token, so that no construct means one thing to the tool's author and another to the matcher.

import { RE2JS } from 're2js';

/** A compiled pattern. */
export interface LinearPattern {
  /** Whether the pattern matches somewhere in `text`. */
  test(text: string): boolean;
  /** The first match at or after `from`: where it starts and ends; undefined when there is none. */
  find(text: string, from: number): readonly [start: number, end: number] | undefined;
}

/** Longest pattern taken, UTF-16 units. */
const MAX_PATTERN = 2048;

/** White space and line terminators of ECMA-262 `\s`, as RE2 class items. */
const SPACE =
  '\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';
const NOT_SPACE =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}';
const ANY = '[\\x{0}-\\x{10ffff}]';
const NOTHING = '[^\\x{0}-\\x{10ffff}]';
/** `.` without the `s` flag stops at the four ECMA line terminators; RE2's only at `\n`. */
const DOT = '[^\\x{a}\\x{d}\\x{2028}\\x{2029}]';

const CONTROL: Readonly<Record<string, number>> = Object.freeze({
  __proto__: null as never,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
});

/** General categories by their long names; RE2 knows only the short ones. */
const CATEGORIES: ReadonlyMap<string, string> = new Map(
  (
    'Letter=L,Uppercase_Letter=Lu,Lowercase_Letter=Ll,Titlecase_Letter=Lt,' +
    'Modifier_Letter=Lm,Other_Letter=Lo,Mark=M,Nonspacing_Mark=Mn,Spacing_Mark=Mc,' +
    'Enclosing_Mark=Me,Number=N,Decimal_Number=Nd,digit=Nd,Letter_Number=Nl,Other_Number=No,' +
    'Punctuation=P,punct=P,Connector_Punctuation=Pc,Dash_Punctuation=Pd,Open_Punctuation=Ps,' +
    'Close_Punctuation=Pe,Initial_Punctuation=Pi,Final_Punctuation=Pf,Other_Punctuation=Po,' +
    'Symbol=S,Math_Symbol=Sm,Currency_Symbol=Sc,Modifier_Symbol=Sk,Other_Symbol=So,' +
    'Separator=Z,Space_Separator=Zs,Line_Separator=Zl,Paragraph_Separator=Zp,Control=Cc,cntrl=Cc'
  )
    .split(',')
    .map((pair) => pair.split('=') as [string, string])
    .flatMap(([long, short]) => [
      [long, short],
      [short, short],
    ]),
);

const hex = (code: number): string => `\\x{${code.toString(16)}}`;

/**
 * Compiles a pattern of ECMA-262 (`u` flag, as JSON Schema asks).
 *
 * @throws SyntaxError when the pattern is not ECMA-262, is too long, or needs look-around,
 *   back-references or another construct that cannot be matched in linear time.
 */
export function linearPattern(source: string): LinearPattern {
  if (source.length > MAX_PATTERN) {
    throw new SyntaxError(`a pattern may have at most ${String(MAX_PATTERN)} characters`);
  }
  // V8 only parses here; nothing is matched with it.
  new RegExp(source, 'u');
  const compiled = RE2JS.compile(new Translation(source).run());
  return {
    test: (text) => compiled.test(text),
    find: (text, from) => {
      const matcher = compiled.matcher(text);
      return matcher.find(from) ? [matcher.start(), matcher.end()] : undefined;
    },
  };
}

class Translation {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): string {
    let out = '';
    while (this.#at < this.#source.length) out += this.#term();
    return out;
  }

  #take(): string {
    const code = this.#source.codePointAt(this.#at);
    if (code === undefined) throw new SyntaxError('the pattern ends too early');
    const text = String.fromCodePoint(code);
    this.#at += text.length;
    return text;
  }

  #skip(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #term(): string {
    const character = this.#take();
    switch (character) {
      case '\\':
        return this.#escape(false);
      case '[':
        return this.#characterClass();
      case '(':
        return this.#group();
      case '.':
        return DOT;
      case '^':
        return '\\A';
      case '$':
        return '\\z';
      case ')':
      case '|':
      case '*':
      case '+':
      case '?':
        return character;
      case '{':
        return this.#quantifier();
      default:
        return hex(character.codePointAt(0) ?? 0);
    }
  }

  #quantifier(): string {
    const end = this.#source.indexOf('}', this.#at);
    const body = this.#source.slice(this.#at, end);
    if (end < 0 || !/^\d{1,4}(?:,\d{0,4})?$/.test(body)) {
      throw new SyntaxError('a repeat count may be at most 1000');
    }
    this.#at = end + 1;
    return `{${body}}`;
  }

  #group(): string {
    if (!this.#skip('?')) return '(?:';
    if (this.#skip(':')) return '(?:';
    const next = this.#source[this.#at];
    const after = this.#source[this.#at + 1];
    if (next === '<' && after !== '=' && after !== '!') {
      this.#at = this.#source.indexOf('>', this.#at) + 1;
      return '(?:';
    }
    throw new SyntaxError('look-around and inline flags are not supported in patterns');
  }

  /** After a backslash. In a class the answer is class items, else a whole atom. */
  #escape(inClass: boolean): string {
    const character = this.#take();
    const wrap = (items: string): string => (inClass ? items : `[${items}]`);
    switch (character) {
      case 'd':
      case 'D':
      case 'w':
      case 'W':
        return `\\${character}`;
      case 's':
        return wrap(SPACE);
      case 'S':
        return wrap(NOT_SPACE);
      case 'b':
        return inClass ? hex(8) : '\\b';
      case 'B':
        return '\\B';
      case 'p':
      case 'P':
        return this.#property(character);
      case 'c':
        return hex((this.#take().codePointAt(0) ?? 0) % 32);
      case 'x':
        return this.#hexDigits(2);
      case 'u':
        return this.#unicode();
      default:
        return this.#literalEscape(character);
    }
  }

  #literalEscape(character: string): string {
    if (character === '0') return hex(0);
    if (/[1-9k]/.test(character)) {
      throw new SyntaxError('back-references are not supported in patterns');
    }
    const control = CONTROL[character];
    return hex(control ?? character.codePointAt(0) ?? 0);
  }

  #hexDigits(count: number): string {
    const digits = this.#source.slice(this.#at, this.#at + count);
    this.#at += count;
    return hex(Number.parseInt(digits, 16));
  }

  #unicode(): string {
    if (this.#skip('{')) {
      const end = this.#source.indexOf('}', this.#at);
      const code = Number.parseInt(this.#source.slice(this.#at, end), 16);
      this.#at = end + 1;
      return hex(code);
    }
    const high = Number.parseInt(this.#source.slice(this.#at, this.#at + 4), 16);
    this.#at += 4;
    const pair = /^\\u(d[c-f][0-9a-f]{2})/i.exec(this.#source.slice(this.#at, this.#at + 6));
    if (high >= 0xd800 && high <= 0xdbff && pair?.[1] !== undefined) {
      this.#at += 6;
      return hex((high - 0xd800) * 0x400 + Number.parseInt(pair[1], 16) - 0xdc00 + 0x10000);
    }
    if (high >= 0xd800 && high <= 0xdfff) {
      throw new SyntaxError('half of a surrogate pair matches nothing in well-formed text');
    }
    return hex(high);
  }

  #property(letter: string): string {
    const end = this.#source.indexOf('}', this.#at);
    const body = this.#source.slice(this.#at + 1, end);
    this.#at = end + 1;
    const [key, value] = body.split('=');
    if (value === undefined || key === 'gc' || key === 'General_Category') {
      const category = CATEGORIES.get(value ?? body);
      if (category !== undefined) return `\\${letter}{${category}}`;
    } else if (key === 'sc' || key === 'Script') {
      return `\\${letter}{${value}}`;
    }
    throw new SyntaxError(`the property \`${body}\` is not supported in patterns`);
  }

  #characterClass(): string {
    const negated = this.#skip('^');
    if (this.#skip(']')) return negated ? ANY : NOTHING;
    let items = '';
    for (;;) {
      if (this.#skip(']')) return `[${negated ? '^' : ''}${items}]`;
      items += this.#classAtom();
      // A `-` between two single characters is a range; `u` patterns allow no other use but the ends.
      if (this.#source[this.#at] === '-' && this.#source[this.#at + 1] !== ']') {
        this.#at += 1;
        items += `-${this.#classAtom()}`;
      }
    }
  }

  #classAtom(): string {
    const character = this.#take();
    return character === '\\' ? this.#escape(true) : hex(character.codePointAt(0) ?? 0);
  }
}
