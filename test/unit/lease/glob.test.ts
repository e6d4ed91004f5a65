import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob, GLOB_MAX, normalisePath } from '../../../src/trust/lease/glob.ts';

describe('globs', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['/data/x', ['/data/x'], ['/data/xy', '/data', '/data/x/', '/DATA/x']],
    ['/data/*', ['/data/x', '/data/'], ['/data/x/y', '/data', '/other/x']],
    ['/data/**', ['/data/x', '/data/x/y'], ['/dat', '/database/x', '/x/data/y']],
    ['/**/x', ['/a/x', '/a/b/x'], ['/a/y', '/a/xx']],
    ['/a*c/d', ['/ac/d', '/abbc/d'], ['/a/c/d', '/ab/d']],
    ['text_*', ['text_', 'text_echo'], ['xtext_a', 'tex_t']],
    ['*', ['', 'anything'], ['a/b']],
    ['**', ['', 'a/b/../c'], []],
    ['***', ['a/b'], []],
    ['/{a,b}/?[x]', ['/{a,b}/?[x]'], ['/a/x[x]', '/b/?x']],
    ['(a+)+$', ['(a+)+$'], ['aaaa']],
  ])('%s', (pattern, yes, no) => {
    const matches = compileGlob(pattern);
    for (const value of yes) expect([value, matches(value)]).toEqual([value, true]);
    for (const value of no) expect([value, matches(value)]).toEqual([value, false]);
  });

  it('agrees with a plain backtracking matcher', () => {
    const slow = (pattern: string, value: string): boolean => {
      if (pattern === '') return value === '';
      if (pattern.startsWith('**')) {
        const rest = pattern.replace(/^\*+/, '');
        return Array.from({ length: value.length + 1 }, (_, at) => value.slice(at)).some((tail) =>
          slow(rest, tail),
        );
      }
      if (pattern.startsWith('*')) {
        return (
          slow(pattern.slice(1), value) ||
          (value !== '' && !value.startsWith('/') && slow(pattern, value.slice(1)))
        );
      }
      return value.startsWith(pattern.slice(0, 1)) && slow(pattern.slice(1), value.slice(1));
    };
    const text = (units: string[], maxLength: number) =>
      fc.array(fc.constantFrom(...units), { maxLength }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text(['a', 'b', '/', '*'], 8), text(['a', 'b', '/'], 8), (pattern, value) => {
        expect(compileGlob(pattern)(value)).toBe(slow(pattern, value));
      }),
      { numRuns: 3000 },
    );
  });

  it('takes steps in proportion to pattern times value, whatever the stars', () => {
    // Each of these ran for over 20 s in a backtracking matcher. Here the test's own limit is plenty.
    const value = 'a'.repeat(100_000);
    for (const star of ['*', '**']) {
      expect(compileGlob(`${`${star}a`.repeat(12)}b`)(value)).toBe(false);
      expect(compileGlob(`${`${star}a`.repeat(12)}${star}`)(value)).toBe(true);
    }
  });

  it('refuses a pattern without bounds', () => {
    expect(() => compileGlob('*'.repeat(GLOB_MAX + 1))).toThrow(RangeError);
  });
});

describe('paths', () => {
  it.each([
    ['/', '/'],
    ['/a', '/a'],
    ['/a/b/', '/a/b'],
    ['/a b/ü', '/a b/ü'],
    ['/...', '/...'],
    ['/a/.b', '/a/.b'],
  ])('%j is %j', (path, normal) => expect(normalisePath(path)).toBe(normal));

  it.each([
    '',
    'a',
    './a',
    '//a',
    '/a//b',
    '/a/./b',
    '/a/../b',
    '/..',
    '/.',
    '/a/..',
    '/a\\b',
    '/a\0',
    '/a\n',
    '/\ud800',
    '\\\\server\\x',
    'C:/x',
    '//',
  ])('%j has no normal form', (path) => expect(normalisePath(path)).toBeUndefined());
});
