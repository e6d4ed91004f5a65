// SHA-256 where there may be no Node: a browser, an executor. Rooms that have Node use node:crypto.

import { sha256 as digest } from '@noble/hashes/sha2.js';

/** SHA-256 of the parts joined, 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hash = digest.create();
  for (const part of parts) hash.update(part);
  // A copy of its own: what the library hands out may be a view of its buffers.
  return Uint8Array.from(hash.digest());
}

/** Whether two byte strings are equal. Takes as long as the first difference: for public values. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
