// Lower-case hexadecimal: how digests and key ids are written.

import { WarderError } from '../errors/errors.ts';

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/** Two lower-case digits a byte. */
export function encodeHex(bytes: Uint8Array): string {
  if (bytes.toHex !== undefined) return bytes.toHex();
  let text = '';
  for (const byte of bytes) text += PAIRS[byte] ?? '';
  return text;
}

/**
 * Decodes lower-case hexadecimal only.
 *
 * @throws WarderError `malformed`.
 */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) {
    throw new WarderError('malformed', 'not lower-case hexadecimal');
  }
  if (Uint8Array.fromHex !== undefined) return Uint8Array.fromHex(text);
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(text.slice(at * 2, at * 2 + 2), 16);
  }
  return bytes;
}
