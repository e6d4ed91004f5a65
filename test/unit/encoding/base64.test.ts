import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/base/encoding/base64.ts';
import { decodeBase64url, encodeBase64url } from '../../../src/base/encoding/base64url.ts';
import { decodeHex, encodeHex } from '../../../src/base/encoding/hex.ts';

const bytes = fc.uint8Array({ maxLength: 100 });

test('bytes survive every encoding, written as Node writes it', () => {
  fc.assert(
    fc.property(bytes, (value) => {
      expect(encodeBase64(value)).toBe(Buffer.from(value).toString('base64'));
      expect(encodeBase64url(value)).toBe(Buffer.from(value).toString('base64url'));
      expect(encodeHex(value)).toBe(Buffer.from(value).toString('hex'));
      expect(decodeBase64(encodeBase64(value))).toEqual(value);
      expect(decodeBase64url(encodeBase64url(value))).toEqual(value);
      expect(decodeHex(encodeHex(value))).toEqual(value);
    }),
  );
});

test('no two texts decode to the same bytes', () => {
  const text = fc.string({ unit: fc.constantFrom(...'AQgwZ9-_+/= \n'), maxLength: 9 });
  fc.assert(
    fc.property(text, (candidate) => {
      for (const [decode, encode] of [
        [decodeBase64, encodeBase64],
        [decodeBase64url, encodeBase64url],
      ] as const) {
        let decoded: Uint8Array;
        try {
          decoded = decode(candidate);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'malformed' });
          continue;
        }
        expect(encode(decoded)).toBe(candidate);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['padding', 'QQ=='],
  ['a length within a byte', 'QUJDR'],
  ['bits that encode nothing, two digits', 'QR'],
  ['bits that encode nothing, three digits', 'QUJ'],
  ['white space', 'QU JD'],
  ['a line end', 'QUJD\n'],
  ['the other alphabet', 'Q+/D'],
  ['a character beyond ASCII', 'QUJ\u0141'],
])('base64url refuses %s', (_, text) => {
  expect(() => decodeBase64url(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test.each([
  ['missing padding', 'QQ'],
  ['too much padding', 'QUI=='],
  ['only padding', '===='],
  ['padding inside', 'QQ==QUJD'],
  ['bits that encode nothing', 'QR=='],
  ['the other alphabet', 'Q-_D'],
])('base64 refuses %s', (_, text) => {
  expect(() => decodeBase64(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test.each(['0', 'AB', '0g', ' 00', '0x00'])('hex refuses `%s`', (text) => {
  expect(() => decodeHex(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
});
