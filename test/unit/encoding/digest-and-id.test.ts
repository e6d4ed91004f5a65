import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeHex } from '../../../src/base/encoding/hex.ts';
import { sameBytes, sha256 } from '../../../src/base/encoding/sha256.ts';
import { isUlid, ulid } from '../../../src/base/encoding/ulid.ts';
import { decodeUtf8, encodeUtf8 } from '../../../src/base/encoding/utf8.ts';

test('SHA-256 of parts is that of their join', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
      const expected = createHash('sha256').update(left).update(right).digest('hex');
      expect(encodeHex(sha256(left, right))).toBe(expected);
    }),
  );
});

test('byte strings of different length are different', () => {
  expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(sameBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
  expect(sameBytes(Uint8Array.of(1, 3), Uint8Array.of(1, 2))).toBe(false);
});

test('a ULID holds its time and sorts by it', () => {
  expect(ulid(1_469_918_176_385, new Uint8Array(10))).toBe('01ARYZ6S410000000000000000');
  const random = new Uint8Array(10).fill(255);
  expect(ulid(0, random)).toBe('0000000000ZZZZZZZZZZZZZZZZ');
  expect(ulid(5, random) < ulid(6, new Uint8Array(10))).toBe(true);
  expect(isUlid(ulid(1e12, random))).toBe(true);
  expect(() => ulid(0, new Uint8Array(9))).toThrow(RangeError);
});

test.each([
  '8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
  '01ARYZ6S41000000000000000I',
  '01aryz6s410000000000000000',
  '',
])('`%s` is no canonical ULID', (text) => {
  expect(isUlid(text)).toBe(false);
});

test('UTF-8 replaces nothing', () => {
  expect(decodeUtf8(encodeUtf8('\ufeffé\u{1f600}'))).toBe('\ufeffé\u{1f600}');
  expect(() => encodeUtf8('\ud800')).toThrow(expect.objectContaining({ code: 'malformed' }));
  expect(() => decodeUtf8(Uint8Array.of(0xff))).toThrow(
    expect.objectContaining({ code: 'malformed' }),
  );
});
