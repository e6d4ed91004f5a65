import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearPattern } from '../../../src/catalog/linear-pattern.ts';

const SAME: readonly (readonly [string, readonly string[]])[] = [
  ['^a*$', ['', 'aaa', 'b', 'a\n']],
  ['a.b', ['a\nb', 'a\rb', 'a\u2028b', 'axb', 'a🐲b']],
  ['^\\s+$', [' ', '\u00a0', '\ufeff', '\u2029', '\u200b', 'x']],
  ['^\\S$', ['x', '\u00a0', '🐲', '']],
  ['^[\\s-]$', []],
  ['^[^\\S]$', [' ', '\u3000', 'x']],
  ['^🐲*$', ['', '🐲', '🐲🐲', '🐉']],
  ['^\\u{1f432}$', ['🐲', 'u']],
  ['^\\ud83d\\udc32$', ['🐲', 'x']],
  ['^\\cC$', ['\u0003', 'C']],
  ['^[]$', ['', ']']],
  ['^[^]$', ['', ']', '\n']],
  ['^\\p{Letter}+$', ['é', '1', 'π']],
  ['^\\p{Script=Greek}$', ['π', 'p']],
  ['^\\P{Lu}$', ['A', 'a']],
  ['^[\\w\\-.]+@[a-z]{2,3}$', ['a-b@cd', 'a b@cd', 'a@c']],
  ['^(?<year>\\d{4})-(?:\\d\\d)$', ['2024-01', '24-01']],
  ['^[\\[:alph\\]]$', ['a', ':', ']', 'x']],
  ['\\$\\{[^}]*\\}', ['${a}', '{a}']],
  ['^(a|b)?c+?$', ['c', 'abc', 'ac']],
  ['^\\/\\x41\\0$', ['/A\0', '/A0']],
  ['\\bfoo\\b', ['a foo b', 'afoo']],
  ['^[\\b]$', ['\b', 'b']],
];

describe('patterns mean what ECMA-262 says', () => {
  for (const [pattern, texts] of SAME) {
    if (texts.length === 0) continue;
    it(pattern, () => {
      const linear = linearPattern(pattern);
      for (const text of texts) {
        expect([text, linear.test(text)]).toEqual([text, new RegExp(pattern, 'u').test(text)]);
      }
    });
  }

  it('agrees with the engine of the language on generated patterns', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '.',
      '\\d',
      '\\s',
      '\\S',
      '[^a]',
      '[a-c]',
      '\\w',
      ' ',
      '1',
      '(?:a|b)',
      '^',
      '$',
    );
    const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}');
    const pattern = fc
      .array(fc.tuple(atom, quantifier), { maxLength: 6 })
      .map((parts) => parts.map(([a, q]) => (a === '^' || a === '$' ? a : a + q)).join(''));
    // No astral characters here: V8 misses `[^a]{2}$` in `x🐲`.
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '\n', '\r', '\u2028', '\u00a0', 'é'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(pattern, text, (p, t) => linearPattern(p).test(t) === new RegExp(p, 'u').test(t)),
      { numRuns: 2000 },
    );
  });
});

describe('what cannot be matched in linear time is refused', () => {
  for (const pattern of [
    '(?=a)b',
    '(?!a)b',
    '(?<=a)b',
    '(a)\\1',
    '(?<x>a)\\k<x>',
    '(?i:a)',
    'a{1001}',
    '((a{100}){100}){100}',
    '(',
    '\\p{Nope}',
    '\\a',
    'a'.repeat(3000),
  ]) {
    it(pattern.slice(0, 30), () => {
      expect(() => linearPattern(pattern)).toThrow();
    });
  }
});

it('a pattern that explodes elsewhere ends at once here', () => {
  const bombs = ['^(a+)+$', '^(a|a)*$', '^([a-z]+)*\\d$', '(x+x+)+y', '^(.*a){20}$'];
  const text = `${'a'.repeat(50_000)}!`;
  expect(bombs.map((bomb) => linearPattern(bomb).test(text))).toEqual(bombs.map(() => false));
});
