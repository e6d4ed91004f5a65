// Base64url without padding (RFC 4648 section 5), as JOSE uses it (RFC 7515 section 2).

import { decodeRadix64, encodeRadix64, radix64 } from './radix64.ts';

const BASE64URL = radix64(
  'base64url',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
  false,
);

/** Encodes without padding. */
export function encodeBase64url(bytes: Uint8Array): string {
  return encodeRadix64(BASE64URL, bytes);
}

/**
 * Decodes canonical base64url only: no padding, no white space, unused bits zero. JOSE libraries
 * accept more, so that two texts could carry one token: decode with this before anything else.
 *
 * @throws WarderError `malformed`.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> {
  return decodeRadix64(BASE64URL, text);
}
