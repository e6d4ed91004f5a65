// What listed paths let through of a structured answer, and how much they took out.

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/base/encoding/json.ts';
import { readOutputPath } from '../../../../src/catalog/output-path.ts';
import { OutputPaths } from '../../../../src/gate/firewall/output-paths.ts';

const VALUE: JsonObject = {
  a: { b: 1, c: [1, 2, { d: 3, e: 4 }] },
  'x/y': { '~': true },
  f: null,
  g: [],
};

describe('paths', () => {
  test.each<[readonly string[], JsonObject, number]>([
    [[], {}, 1],
    [['/a'], { a: VALUE['a'] ?? null }, 3],
    [['/a/b'], { a: { b: 1 } }, 4],
    [['/a/*'], { a: VALUE['a'] ?? null }, 3],
    [['/a/c/*/d'], { a: { c: [{ d: 3 }] } }, 7],
    [['/a/c/2/e', '/a/c/0'], { a: { c: [1, { e: 4 }] } }, 6],
    [['/*/b'], { a: { b: 1 } }, 4],
    [['/x~1y/~0'], { 'x/y': { '~': true } }, 3],
    [['/f', '/g'], { f: null, g: [] }, 2],
    [['/a', '/a/b'], { a: VALUE['a'] ?? null }, 3],
    [['/a/b/c'], {}, 1],
    [['/nothing'], {}, 1],
  ])('%j', (paths, value, removed) => {
    const left = new OutputPaths(paths).apply(VALUE);
    expect({ ...left.value }).toEqual(value);
    expect(JSON.stringify(left.value)).toBe(JSON.stringify(value));
    expect(left.removed).toBe(removed);
  });

  test('names from objects are only names', () => {
    const value = JSON.parse('{"__proto__": {"a": 1}, "constructor": {"a": 2}}') as JsonObject;
    expect(JSON.stringify(new OutputPaths(['/__proto__/a']).apply(value).value)).toBe(
      '{"__proto__":{"a":1}}',
    );
    expect(JSON.stringify(new OutputPaths(['/toString']).apply(value).value)).toBe('{}');
  });

  test('an answer without structure stays without', () => {
    expect(new OutputPaths(['/a']).apply(undefined)).toEqual({ value: undefined, removed: 0 });
  });
});

describe('a path', () => {
  test('is read as RFC 6901 has it, `*` as any member', () => {
    expect(readOutputPath('/a/*/~1~0*')).toEqual(['a', undefined, '/~*']);
  });

  test.each([
    '',
    '/',
    'a',
    '/a/',
    '/a//b',
    '/~2',
    '/~',
    `/${'a'.repeat(600)}`,
    '/a'.repeat(33),
    '/\u202e',
  ])('not %j', (path) => {
    expect(() => readOutputPath(path)).toThrowError(/is not an output path/);
  });
});
