// Which 32 bytes are no honest Ed25519 point: low order, or a second spelling of another point.

import { sameBytes } from '../../base/encoding/sha256.ts';
import { decodeHex } from '../../base/encoding/hex.ts';

/** The y coordinates of the eight points whose order divides 8, little-endian, sign bit cleared. */
const LOW_ORDER: readonly Uint8Array[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((text) => decodeHex(text));

/** Group order L, big-endian digits. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/**
 * Whether the encoding is of a point of low order, or is not canonical (y of at least 2^255 - 19).
 * Under such a key one signature can hold for many messages; libraries differ in accepting them.
 */
export function isWeakPoint(encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded);
  y[31] = (y[31] ?? 0) & 0x7f;
  if (LOW_ORDER.some((low) => sameBytes(low, y))) return true;
  return y[31] === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff) && (y[0] ?? 0) >= 0xed;
}

/** Whether a scalar, little-endian, is below the group order (RFC 8032 section 5.1.7). */
export function isCanonicalScalar(encoded: Uint8Array): boolean {
  let value = 0n;
  for (const byte of encoded.toReversed()) value = (value << 8n) | BigInt(byte);
  return value < ORDER;
}
