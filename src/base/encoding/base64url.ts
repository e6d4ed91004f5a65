// Base64url without padding (RFC 4648 section 5), as JOSE uses it (RFC 7515 section 2).

import { decodeRadix64, encodeRadix64, radix64 } from './radix64.ts';

const BASE64URL = radix64(
  'base64url',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
  false,
);

/** Encodes without padding. */
export function encodeBase64url(bytes: Uint8Array): string {
  if (bytes.toBase64 === undefined) return encodeRadix64(BASE64URL, bytes);
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

/**
 * Decodes canonical base64url only: no padding, no white space, unused bits zero. JOSE libraries
 * accept more, so that two texts could carry one token: decode with this before anything else.
 *
 * @throws WarderError `malformed`.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> {
  return decodeNative(text) ?? decodeRadix64(BASE64URL, text);
}

/** Bits of the last digit that encode nothing, by how many digits are left after whole groups. */
const STRAY: readonly number[] = [0, 0, 15, 3];

/** The engine's own decoder, where there is one, for what is canonical; undefined for all else. */
function decodeNative(text: string): Uint8Array<ArrayBuffer> | undefined {
  const rest = text.length % 4;
  if (Uint8Array.fromBase64 === undefined || rest === 1 || !/^[\w-]*$/.test(text)) return undefined;
  const last = BASE64URL.values[text.charCodeAt(text.length - 1)] ?? 0;
  if (text !== '' && (last & (STRAY[rest] ?? 0)) !== 0) return undefined;
  return Uint8Array.fromBase64(text, { alphabet: 'base64url' });
}
