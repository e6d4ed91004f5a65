import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalBytes, canonicalJson } from '../../../src/base/encoding/jcs.ts';
import { parseCanonicalJson, parseJson } from '../../../src/base/encoding/parse-json.ts';

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

test.each([
  '{"b":1,"a":2}',
  '{"a":1, "b":2}',
  ' {"a":1}',
  '{"a":1}\n',
  '[1.0]',
  '[1e2]',
  '[-0]',
  '["\\u0041"]',
  '["\\/"]',
  '{"\\u0061":1}',
  '{"a":1,"a":1}',
  '["\\ud800"]',
  '[9007199254740993]',
  '[9007199254740994]',
])('%s is read in canonical form only', (text) => {
  expect(() => parseCanonicalJson(text)).toThrowError(
    expect.objectContaining({ code: 'malformed' }) as Error,
  );
});

test('what is read as canonical is what would be written again as it is', () => {
  const written = fc.oneof(
    fc.json().map((text) => [text, 0] as const),
    fc.tuple(fc.jsonValue({ maxDepth: 3 }).map(canonicalOrNull), fc.nat()),
  );
  const cut = fc.constantFrom('', ' ', '"', ',', '0', '1', 'e', '\\u0061', '}', 'a');
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(written, cut, ([text, at], inserted) => {
      const place = at % (text.length + 1);
      const input = text.slice(0, place) + inserted + text.slice(place);
      const slow = attempt(() => {
        const value = parseJson(input);
        return canonicalJson(value) === input ? value : undefined;
      });
      const fast = attempt(() => parseCanonicalJson(input));
      expect(fast).toEqual(slow);
      if (slow === undefined) refused += 1;
      else accepted += 1;
    }),
    { numRuns: 3000, seed: 8785 },
  );
  // Neither half is empty talk.
  expect(Math.min(accepted, refused)).toBeGreaterThan(200);
});

function canonicalOrNull(value: unknown): string {
  return attempt(() => canonicalJson(value)) ?? 'null';
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
