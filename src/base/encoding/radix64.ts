// The bit work of base64 and base64url, strict in both directions: one text per byte string.

import { WarderError } from '../errors/errors.ts';

/** One alphabet of RFC 4648 with its name and its use of padding. */
export interface Radix64 {
  readonly name: string;
  readonly digits: string;
  readonly padded: boolean;
  /** Value by character code; 255 for what is no digit. */
  readonly values: Uint8Array;
}

/** Makes the tables of an alphabet. */
export function radix64(name: string, digits: string, padded: boolean): Radix64 {
  const values = new Uint8Array(128).fill(255);
  for (let value = 0; value < 64; value += 1) values[digits.charCodeAt(value)] = value;
  return { name, digits, padded, values };
}

/** Encodes bytes. */
export function encodeRadix64({ digits, padded }: Radix64, bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  for (; at + 2 < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text +=
      digits.charAt(group >> 18) +
      digits.charAt((group >> 12) & 63) +
      digits.charAt((group >> 6) & 63) +
      digits.charAt(group & 63);
  }
  const rest = bytes.length - at;
  if (rest === 0) return text;
  const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8);
  text += digits.charAt(group >> 18) + digits.charAt((group >> 12) & 63);
  if (rest === 2) text += digits.charAt((group >> 6) & 63);
  return padded ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text;
}

/**
 * Decodes what {@link encodeRadix64} makes and nothing else: no white space, padding exactly as the
 * alphabet has it, unused bits zero.
 *
 * @throws WarderError `malformed`.
 */
export function decodeRadix64(
  { name, padded, values }: Radix64,
  text: string,
): Uint8Array<ArrayBuffer> {
  let length = text.length;
  if (padded) {
    if (length % 4 !== 0) refuse(name, 'its length is no multiple of four');
    if (text.endsWith('==')) length -= 2;
    else if (text.endsWith('=')) length -= 1;
  }
  const rest = length % 4;
  if (rest === 1) refuse(name, 'it ends within a byte');
  const bytes = new Uint8Array((length * 3) >> 2);
  let held = 0;
  let out = 0;
  for (let at = 0; at < length; at += 1) {
    const value = values[text.charCodeAt(at)] ?? 255;
    if (value === 255) refuse(name, `no digit at offset ${at}`);
    held = (held << 6) | value;
    if ((at & 3) === 3) {
      bytes[out] = held >> 16;
      bytes[out + 1] = held >> 8;
      bytes[out + 2] = held;
      out += 3;
      held = 0;
    }
  }
  if (rest === 2) {
    if ((held & 15) !== 0) refuse(name, 'its last digit has bits that encode nothing');
    bytes[out] = held >> 4;
  } else if (rest === 3) {
    if ((held & 3) !== 0) refuse(name, 'its last digit has bits that encode nothing');
    bytes[out] = held >> 10;
    bytes[out + 1] = held >> 2;
  }
  return bytes;
}

function refuse(name: string, why: string): never {
  throw new WarderError('malformed', `not canonical ${name}: ${why}`);
}
