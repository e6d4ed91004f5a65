// ECDSA signatures come in pairs (r, s) and (r, n - s); only the one with the lower s leaves.

import { encodeHex, decodeHex } from '../../base/encoding/hex.ts';

/**
 * The low-s form of a raw `r || s`, so that nobody can turn a signature into another valid one
 * that verifiers with this rule take.
 *
 * @param order the order of the curve's group.
 */
export function lowS(signature: Uint8Array, order: bigint): Uint8Array {
  const half = signature.length / 2;
  const s = BigInt(`0x${encodeHex(signature.subarray(half))}`);
  if (s <= order >> 1n || s >= order) return Uint8Array.from(signature);
  const low = Uint8Array.from(signature);
  low.set(decodeHex((order - s).toString(16).padStart(half * 2, '0')), half);
  return low;
}
