// What a secret may be: bytes that can stand in a header field, and that nobody finds by guessing.

import { WarderError } from '../../base/errors/errors.ts';

/** Fewer are not used: they could be guessed, and masking them would mask innocent text. */
const SHORTEST_SECRET = 16;
const LONGEST_SECRET = 8 << 10;
/** What has fewer different bytes was not made at random. */
const LEAST_DIFFERENT = 5;

const RANDOM =
  'give what the service issued, or make one: `openssl rand -base64 32 | warder secret set NAME`';

/**
 * Checks a value. What is wrong is said without a byte of it.
 *
 * @throws WarderError `usage`.
 */
export function checkSecretValue(value: Uint8Array): void {
  const wrong = faultOf(value);
  if (wrong !== undefined) throw new WarderError('usage', `the secret ${wrong.what}`, wrong);
}

function faultOf(value: Uint8Array): { readonly what: string; readonly hint: string } | undefined {
  if (value.length === 0) return { what: 'is empty', hint: 'give the value on stdin' };
  if (value.length < SHORTEST_SECRET) {
    const what = `is too short: under ${SHORTEST_SECRET} random bytes it could be guessed, and not be masked`;
    return { what, hint: RANDOM };
  }
  if (value.length > LONGEST_SECRET) {
    return { what: `is longer than ${LONGEST_SECRET} bytes`, hint: 'is it the right file?' };
  }
  if (value.some((byte) => byte < 0x20 || byte === 0x7f)) {
    const what = 'has a line break or another control character, which no header field can hold';
    return { what, hint: 'give one line; a newline at its end is taken off' };
  }
  if (value.some((byte) => byte > 0x7f)) {
    const what = 'is not ASCII, which header fields do not agree on how to write';
    return { what, hint: 'give it in base64 or as the service wants it in the field' };
  }
  if (isBlank(value.at(0)) || isBlank(value.at(-1))) {
    return { what: 'begins or ends with a blank, which header fields lose', hint: 'leave it out' };
  }
  if (new Set(value).size < LEAST_DIFFERENT) {
    return { what: 'was not made at random: it is a few characters over and over', hint: RANDOM };
  }
  return undefined;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20;
}

/** The value as it came on stdin, without the line end that editors and `echo` add. */
export function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}
