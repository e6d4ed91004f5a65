import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalBytes, canonicalJson } from '../../../src/base/encoding/jcs.ts';
import { parseJson } from '../../../src/base/encoding/parse-json.ts';

test('the example of RFC 8785 section 3.2.4', () => {
  // The integer-valued double 333333333.33333329 and friends, as the RFC gives them.
  const value = {
    // oxlint-disable-next-line no-loss-of-precision -- the RFC's own input
    numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '\u20ac$\u000f\nA\'B"\\\\"/',
    literals: [null, true, false],
  };
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],' +
      '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('members are sorted by UTF-16 units (RFC 8785 section 3.2.3)', () => {
  const value = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\u{1f600}': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  };
  expect(Object.values(JSON.parse(canonicalJson(value)) as object)).toHaveLength(7);
  expect([...canonicalJson(value).matchAll(/:"([A-Z][a-z]+)/g)].map((match) => match[1])).toEqual([
    'Carriage',
    'One',
    'Control',
    'Latin',
    'Euro',
    'Emoji',
    'Hebrew',
  ]);
});

test.each([
  ['an unpaired surrogate', '\ud800'],
  ['an unpaired surrogate in a name', { '\udc00': 1 }],
  ['NaN', Number.NaN],
  ['an infinity', [Number.POSITIVE_INFINITY]],
  ['undefined in an array', [undefined]],
  ['a bigint', 1n],
  ['a function', () => 1],
])('refuses %s', (_, value) => {
  expect(() => canonicalBytes(value)).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test('minus zero is zero, `__proto__` a member', () => {
  expect(canonicalJson(-0)).toBe('0');
  expect(canonicalJson(parseJson('{"b":1,"__proto__":{"a":2}}'))).toBe(
    '{"__proto__":{"a":2},"b":1}',
  );
});

test('an independent implementation writes the same bytes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = canonicalJson(value);
      expect(text).toBe(canonicalize(value));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
    { numRuns: 500 },
  );
});
