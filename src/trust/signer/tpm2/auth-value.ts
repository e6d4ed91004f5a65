// The auth value of a TPM key: 32 random bytes as hexadecimal digits in a private file. It never becomes a string.

import { randomBytes } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { WarderError } from '../../../base/errors/errors.ts';
import { readPrivateFile, writePrivateFile } from '../file/private-file.ts';
import { signerTrouble } from '../trouble.ts';

/** As long as the digest of the key's Name: a TPM takes no more. */
const AUTH_SIZE = 32;
const WHAT = 'file with the auth value';
const NEWLINE = 0x0a;

/** A path in a key URI. */
export function below(home: string, path: string): string {
  return isAbsolute(path) ? path : join(home, path);
}

/**
 * Reads an auth value; the caller zeroes it.
 *
 * @throws WarderError `unavailable`.
 */
export function readAuth(path: string): Uint8Array {
  const text = readPrivateFile(path, WHAT, AUTH_SIZE * 2 + 1);
  const digits = text.at(-1) === NEWLINE ? text.subarray(0, -1) : text;
  const auth = new Uint8Array(digits.length >> 1);
  const values = digits.map(valueOf);
  const fits = digits.length > 0 && digits.length % 2 === 0 && !values.includes(0xff);
  for (let at = 0; at < auth.length; at += 1) {
    auth[at] = ((values[2 * at] ?? 0) << 4) | (values[2 * at + 1] ?? 0);
  }
  text.fill(0);
  values.fill(0);
  if (fits) return auth;
  auth.fill(0);
  throw signerTrouble(
    'misconfigured',
    `the ${WHAT} \`${path}\` is not 1 to 32 bytes as hex digits`,
    {
      hint: 'restore it; without it the key is of no use',
    },
  );
}

/** Makes the file with a random value when there is none, and reads it. @throws WarderError `unavailable`. */
export function ensureAuth(path: string): Uint8Array {
  const auth = randomBytes(AUTH_SIZE);
  const text = Buffer.alloc(AUTH_SIZE * 2 + 1, '\n');
  for (const [at, byte] of auth.entries()) {
    text[2 * at] = digitOf(byte >>> 4);
    text[2 * at + 1] = digitOf(byte & 0x0f);
  }
  try {
    writePrivateFile(path, WHAT, text);
  } catch (error) {
    // One that is there is used.
    if (!(error instanceof WarderError && error.code === 'conflict')) throw error;
  } finally {
    auth.fill(0);
    text.fill(0);
  }
  return readAuth(path);
}

/** 255 for what is no lower-case digit. */
function valueOf(digit: number): number {
  if (digit >= 0x30 && digit <= 0x39) return digit - 0x30;
  if (digit >= 0x61 && digit <= 0x66) return digit - 0x61 + 10;
  return 0xff;
}

function digitOf(value: number): number {
  return value < 10 ? 0x30 + value : 0x61 + value - 10;
}
