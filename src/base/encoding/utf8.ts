// UTF-8, strict in both directions: nothing is replaced, no byte order mark is eaten.

import { WarderError } from '../errors/errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Encodes text.
 *
 * @throws WarderError `malformed` for an unpaired surrogate, which UTF-8 cannot say.
 */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (!text.isWellFormed()) throw new WarderError('malformed', 'text with an unpaired surrogate');
  return encoder.encode(text);
}

/**
 * Decodes bytes.
 *
 * @throws WarderError `malformed` for what is not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new WarderError('malformed', 'the bytes are not UTF-8', { cause });
  }
}
