// Whatever an origin or a tool makes of a secret that is common enough to have a name is masked; the
// rest of the bytes stay as they were.

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Redactor } from '../../../src/reach/vault/redactor.ts';

const SECRET = 'sk_live/9aF+"q\\7&<Zz%41 kQ=x~';
const PLAIN = 'sk-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd';
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const shown = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function redactor(...secrets: readonly string[]): Redactor {
  return new Redactor(secrets.map(utf8));
}

const everyPercent = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const hex = (text: string): string => Buffer.from(text).toString('hex');

/** How a text is written elsewhere, by the name of the disguise. */
const DISGUISES: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'in a field': (text) => `Bearer ${text}`,
  'base64, offset 0': (text) => Buffer.from(text).toString('base64'),
  'base64, offset 1': (text) => Buffer.from(`u${text}`).toString('base64'),
  'base64, offset 2': (text) => Buffer.from(`u:${text}@`).toString('base64'),
  'base64url, offset 1': (text) => Buffer.from(`>${text}??`).toString('base64url'),
  'base64 in lines': (text) =>
    Buffer.from(`user:${text}`)
      .toString('base64')
      .replace(/(.{12})/g, '$1\r\n'),
  'base64 in lines in JSON': (text) =>
    JSON.stringify(
      Buffer.from(`user:${text}`)
        .toString('base64')
        .replace(/(.{12})/g, '$1\n'),
    ),
  'base64 in a URL': (text) => encodeURIComponent(Buffer.from(`us:${text}`).toString('base64')),
  hex,
  'hex in capitals': (text) => hex(text).toUpperCase(),
  'hex with colons': (text) => hex(text).replace(/(..)(?=.)/g, '$1:'),
  'hex dump': (text) =>
    hex(text)
      .replace(/(....)/g, '$1 ')
      .replace(/(.{40})/g, '$1\n'),
  'percent, where needed': encodeURIComponent,
  'percent, everywhere': everyPercent,
  'percent, in capitals': (text) => everyPercent(text).toUpperCase(),
  'a form': (text) => new URLSearchParams({ key: text }).toString(),
  JSON: (text) => JSON.stringify({ key: text }),
  'JSON with slashes escaped': (text) => JSON.stringify(text).replaceAll('/', '\\/'),
  'JSON, every character escaped': (text) =>
    text.replace(/./g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'JSON in JSON': (text) => JSON.stringify(JSON.stringify({ key: text })),
  'backslash x': (text) => text.replace(/./g, (one) => `\\x${one.charCodeAt(0).toString(16)}`),
  HTML: (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;'),
  'HTML by number': (text) => text.replace(/./g, (one) => `&#${one.charCodeAt(0)};`),
  'HTML by hex number': (text) =>
    text.replace(/./g, (one) => `&#x${one.charCodeAt(0).toString(16)};`),
  'percent in JSON': (text) => JSON.stringify(encodeURIComponent(text)),
  backwards: (text) => [...text].toReversed().join(''),
};

describe.each([SECRET, PLAIN])('%s', (secret) => {
  test.each(Object.entries(DISGUISES))('%s', (_, disguise) => {
    const hidden = disguise(secret);
    const text = `before ${hidden} after`;
    const masks = redactor(secret);
    const masked = masks.text(text);
    expect(masks.hits).toBe(1);
    expect(masked).toMatch(/^before .*\*{16,}.* after$/s);
    expect(masked).toHaveLength(text.length);
    // Control: looking for the value alone finds few of them.
    if (hidden !== secret && !hidden.includes(secret)) expect(text).not.toContain(secret);
  });
});

test('what is no secret stays, to the byte', () => {
  const masks = redactor(SECRET, PLAIN);
  const bytes = gzipSync(Buffer.alloc(100_000, 'nothing to see % \\ & 41'));
  expect(masks.bytes(bytes)).toBe(bytes);
  const text = '{"a":"\\u0041%41&amp;","b":"\\\\"}';
  expect(masks.text(text)).toBe(text);
  expect(masks.hits).toBe(0);
});

test('several secrets, several times, each counted', () => {
  const masks = redactor(SECRET, PLAIN);
  expect(masks.text(`${PLAIN}|${PLAIN}|${SECRET}`)).toBe(
    [PLAIN, PLAIN, SECRET].map((one) => '*'.repeat(one.length)).join('|'),
  );
  expect(masks.hits).toBe(3);
});

test('a secret that is base64 is masked decoded, too: basic credentials', () => {
  const credentials = 'operator:correct horse';
  const masks = redactor(Buffer.from(credentials).toString('base64'));
  expect(masks.text(`hello ${credentials}`)).toBe(`hello ${'*'.repeat(credentials.length)}`);
});

test('in JSON: values, names, numbers', () => {
  const digits = '9007199254740991';
  const masks = redactor(PLAIN, digits);
  const value = { list: [PLAIN, 1, true, null], [PLAIN]: { n: Number(digits) }, __proto__x: 'ok' };
  const masked = masks.json(value);
  const stars = '*'.repeat(PLAIN.length);
  expect(masked).toEqual({ list: [stars, 1, true, null], [stars]: { n: null }, __proto__x: 'ok' });
  expect(masks.hits).toBe(3);
});

test('without secrets nothing is looked at', () => {
  const masks = new Redactor([]);
  const bytes = utf8(PLAIN);
  expect(masks.bytes(bytes)).toBe(bytes);
  expect(masks.stream().push(bytes)).toBe(bytes);
});

test('across the borders of windows', () => {
  const masks = redactor(PLAIN);
  for (const at of [262_120, 262_143, 262_144, 524_280]) {
    const bytes = Buffer.alloc(800_000, '.');
    bytes.write(PLAIN, at);
    const masked = Buffer.from(masks.bytes(bytes));
    expect(masked.includes(PLAIN)).toBe(false);
    expect(masked.indexOf('*')).toBe(at);
  }
  expect(masks.hits).toBe(4);
});

describe('a body in parts', () => {
  const parted = (bytes: Uint8Array, sizes: readonly number[], masks: Redactor): Buffer => {
    const stream = masks.stream();
    const out: Uint8Array[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      out.push(stream.push(bytes.subarray(at, at + size)));
      at += size;
    }
    out.push(stream.end());
    return Buffer.concat(out);
  };

  test('masked as if it were whole, whatever the parts', () => {
    const word = fc.oneof(
      fc.constantFrom(...Object.values(DISGUISES).map((disguise) => disguise(PLAIN))),
      fc.string({ maxLength: 300 }),
    );
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
        (words, sizes) => {
          const bytes = utf8(words.join(' '));
          const [whole, parts] = [redactor(PLAIN), redactor(PLAIN)];
          const expected = Buffer.from(whole.bytes(bytes)).toString('latin1');
          expect(parted(bytes, sizes, parts).toString('latin1')).toBe(expected);
          expect(parts.hits).toBe(whole.hits);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('an occurrence inside another, cut anywhere, is one', () => {
    const bytes = utf8(`${'x'.repeat(300)}${PLAIN}${'y'.repeat(300)}`);
    for (let at = 290; at < 340; at += 1) {
      const masks = redactor(PLAIN, PLAIN.slice(4), PLAIN.slice(9));
      parted(bytes, [at + 8 * PLAIN.length, 10_000], masks);
      expect(masks.hits).toBe(1);
    }
  });

  test('two that overlap, cut anywhere, are masked to their end', () => {
    const [one, two] = ['abcdefgh-12345678-XYZ', '12345678-XYZ-tail-9876'];
    const both = 'abcdefgh-12345678-XYZ-tail-9876';
    const text = `${'.'.repeat(300)}${both}${'.'.repeat(300)}`;
    for (let at = 290; at < 340; at += 1) {
      const masks = redactor(one, two);
      const masked = parted(utf8(text), [at + 8 * two.length, 10_000], masks).toString();
      expect(masked).toBe(text.replace(both, '*'.repeat(both.length)));
      expect(masks.hits).toBe(1);
    }
  });

  test('byte by byte', () => {
    const masks = redactor(PLAIN);
    const bytes = utf8(`${'x'.repeat(500)}${PLAIN}${'y'.repeat(500)}`);
    expect(parted(bytes, [1], masks).toString()).toBe(
      `${'x'.repeat(500)}${'*'.repeat(PLAIN.length)}${'y'.repeat(500)}`,
    );
    expect(masks.hits).toBe(1);
  });

  test('the naive form, part by part, lets it through', () => {
    const masks = redactor(PLAIN);
    const [left, right] = [PLAIN.slice(0, 9), PLAIN.slice(9)];
    expect(shown(masks.bytes(utf8(left))) + shown(masks.bytes(utf8(right)))).toBe(PLAIN);
  });

  test('the caller may use its part again at once', () => {
    const stream = redactor(PLAIN).stream();
    const part = utf8('abc');
    const first = stream.push(part);
    part.fill(0);
    expect(shown(first) + shown(stream.end())).toBe('abc');
  });
});

test('the work grows with the bytes: every byte of a hostile body is looked at a bounded number of times', () => {
  const masks = redactor('a'.repeat(4000) + 'bcdefgh');
  const stream = masks.stream();
  let given = 0;
  for (let at = 0; at < 200_000; at += 1) given += stream.push(Uint8Array.of(0x61)).length;
  given += stream.end().length;
  expect(given).toBe(200_000);
});
