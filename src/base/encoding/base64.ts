// Base64 with padding (RFC 4648 section 4), as signed notes and tlog-proofs use it.

import { decodeRadix64, encodeRadix64, radix64 } from './radix64.ts';

const BASE64 = radix64(
  'base64',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  true,
);

/** Encodes with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return encodeRadix64(BASE64, bytes);
}

/**
 * Decodes canonical base64 only: padded, without white space, unused bits zero.
 *
 * @throws WarderError `malformed`.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return decodeRadix64(BASE64, text);
}
