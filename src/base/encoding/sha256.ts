// SHA-256 where there may be no Node: a browser, an executor. Rooms that have Node use node:crypto.

import { sha256 as digest } from '@noble/hashes/sha2.js';
import { encodeBase64url } from './base64url.ts';
import { encodeHex } from './hex.ts';
import { nodeCrypto } from './node-crypto.ts';
import { encodeUtf8 } from './utf8.ts';

/** SHA-256 of the parts joined, 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (nodeCrypto !== undefined) return nodeDigest(nodeCrypto, parts);
  const hash = digest.create();
  for (const part of parts) hash.update(part);
  // A copy of its own: what the library hands out may be a view of its buffers.
  return Uint8Array.from(hash.digest());
}

function nodeDigest(
  { createHash }: NonNullable<typeof nodeCrypto>,
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
}

/** SHA-256 of a text's UTF-8 bytes, as text. The text is well-formed: others make other bytes. */
export function sha256Text(text: string, form: 'hex' | 'base64url'): string {
  if (nodeCrypto !== undefined) return nodeCrypto.hash('sha256', text, form);
  const bytes = sha256(encodeUtf8(text));
  return form === 'hex' ? encodeHex(bytes) : encodeBase64url(bytes);
}

/** Whether two byte strings are equal. Takes as long as the first difference: for public values. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
