import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../../src/base/encoding/parse-json.ts';

const refused = expect.objectContaining({ code: 'malformed' });

test.each([
  ['duplicate members', '{"a":1,"a":2}'],
  ['duplicate members, one written with an escape', '{"a":1,"\\u0061":2}'],
  ['duplicate `__proto__`', '{"__proto__":1,"__proto__":2}'],
  ['an unpaired high surrogate', '"\\ud800"'],
  ['an unpaired low surrogate', '"\\udc00x"'],
  ['an unpaired surrogate in a member name', '{"\\ud800":1}'],
  ['a surrogate pair the wrong way round', '"\\udc00\\ud800"'],
  ['an integer beyond 2^53', '9007199254740993'],
  ['an integer beyond 2^53 with a fraction', '9007199254740993.0'],
  ['an integer beyond 2^53 with an exponent', '1e17'],
  ['a negative integer beyond 2^53', '-9007199254740992'],
  ['an exponent past every number', '1e400'],
  ['NaN', 'NaN'],
  ['Infinity', '-Infinity'],
  ['a leading zero', '01'],
  ['a leading plus', '+1'],
  ['a bare point', '1.'],
  ['a bare exponent', '1e'],
  ['hexadecimal', '0x10'],
  ['a trailing comma in an array', '[1,]'],
  ['a trailing comma in an object', '{"a":1,}'],
  ['single quotes', "'a'"],
  ['a comment', '1 // one'],
  ['a second document', '1 2'],
  ['nothing', ''],
  ['white space only', ' \n'],
  ['white space JSON does not know', '\u00a01'],
  ['a byte order mark', '\ufeff1'],
  ['a control character in a string', '"\u0001"'],
  ['a line end in a string', '"a\nb"'],
  ['an unknown escape', '"\\x41"'],
  ['a short escape', '"\\u41"'],
  ['a string without end', '"abc'],
  ['an escape without end', '"\\'],
  ['an array without end', '[1'],
  ['a word cut short', 'tru'],
])('refuses %s', (_, text) => {
  expect(() => parseJson(text)).toThrow(refused);
  expect(() => parseJson(new TextEncoder().encode(text))).toThrow(refused);
});

test.each([
  ['a lone continuation byte', [0x22, 0x80, 0x22]],
  ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
  ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ['a cut character', [0x22, 0xe2, 0x82]],
])('refuses bytes that are not UTF-8: %s', (_, bytes) => {
  expect(() => parseJson(Uint8Array.from(bytes))).toThrow(refused);
});

test('the refusal says where', () => {
  expect(() => parseJson('{"a": [1, x]}')).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('offset 10'),
      data: { offset: 10 },
    }),
  );
});

test('nesting past the bound is refused before the stack ends', () => {
  expect(parseJson('['.repeat(64) + ']'.repeat(64))).toBeInstanceOf(Array);
  expect(() => parseJson('['.repeat(65) + ']'.repeat(65))).toThrow(refused);
  expect(() => parseJson('['.repeat(500_000))).toThrow(refused);
  expect(() => parseJson('{"a":'.repeat(100_000))).toThrow(refused);
  expect(() => parseJson('[[1]]', { maxDepth: 1 })).toThrow(refused);
});

test('input past the bound is refused, counted in bytes', () => {
  expect(parseJson('"éé"', { maxBytes: 6 })).toBe('éé');
  expect(() => parseJson('"ééé"', { maxBytes: 7 })).toThrow(refused);
  expect(() => parseJson(new Uint8Array(8), { maxBytes: 7 })).toThrow(refused);
});

test('names from input reach no prototype', () => {
  const parsed = parseJson('{"__proto__":{"polluted":true},"constructor":1,"toString":2}');
  expect(Object.getPrototypeOf(parsed)).toBeNull();
  expect(Object.keys(parsed as object)).toEqual(['__proto__', 'constructor', 'toString']);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('what it accepts it reads as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      let parsed: unknown;
      try {
        parsed = parseJson(text);
      } catch {
        // Stricter than JSON.parse is allowed: large integers and surrogates are made here too.
        return;
      }
      expect(JSON.stringify(parsed)).toBe(JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 500 },
  );
});

test('what JSON.parse refuses it refuses', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'{}[]":,0123.eE+-truefalsn\\u \t'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, (candidate) => {
      let parsed: unknown;
      try {
        parsed = parseJson(candidate);
      } catch {
        return;
      }
      expect(JSON.stringify(parsed)).toBe(JSON.stringify(JSON.parse(candidate)));
    }),
    { numRuns: 5000 },
  );
});
