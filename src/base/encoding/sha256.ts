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
  { hash }: NonNullable<typeof nodeCrypto>,
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  return new Uint8Array(
    hash('sha256', first !== undefined && parts.length === 1 ? first : joined(parts), 'buffer'),
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** SHA-256 of a text's UTF-8 bytes, as text. The text is well-formed: others make other bytes. */
export function sha256Text(text: string, form: 'hex' | 'base64url'): string {
  if (nodeCrypto !== undefined) return nodeCrypto.hash('sha256', text, form);
  const bytes = sha256(encodeUtf8(text));
  return form === 'hex' ? encodeHex(bytes) : encodeBase64url(bytes);
}

/** Whether two byte strings are equal. Takes as long as the first difference: for public values. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}
