// What proves that a person is at an operator's command: a passphrase, kept as its scrypt hash in the home.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { readPrivateFile, writePrivateFile } from '../../trust/signer/file/private-file.ts';
import type { Home } from '../config/home.ts';

/** Bytes. */
const LEAST = 10;
const MOST = 1024;
const FILE_MAX = 1024;
/** 32 MiB and some 90 ms: a guess must be dear, a wrong one must not take the daemon's memory. */
const KDF = { N: 2 ** 15, r: 8, p: 1 } as const;
const MEMORY = 128 * KDF.N * KDF.r + 1024 * 1024;

/** Tells whether a text is the passphrase of one operator. */
export type PassphraseCheck = (passphrase: string) => Promise<boolean>;

/** Where the hash for an operator is. */
export function passphraseFile(home: Home, operator: string): string {
  return join(home.root, 'proofs', `${operator}.json`);
}

/**
 * Keeps the hash of a new passphrase, in place of the one there was.
 *
 * @throws WarderError `usage` when it is too short or too long.
 */
export async function setPassphrase(
  home: Home,
  operator: string,
  passphrase: string,
): Promise<void> {
  const { length } = encodeUtf8(passphrase);
  if (length < LEAST || length > MOST || /\p{Cc}/u.test(passphrase)) {
    throw new WarderError(
      'usage',
      `the passphrase of \`${operator}\` is not one line of ${LEAST} to ${MOST} bytes`,
      { hint: 'take several words; it is asked for with each command that changes something' },
    );
  }
  const salt = randomBytes(16);
  const hash = await derive(passphrase, salt);
  const text = JSON.stringify({
    version: 1,
    salt: encodeBase64url(salt),
    hash: encodeBase64url(hash),
  });
  mkdirSync(join(home.root, 'proofs'), { recursive: true, mode: 0o700 });
  const path = passphraseFile(home, operator);
  rmSync(path, { force: true });
  writePrivateFile(path, 'passphrase hash', encodeUtf8(text));
}

/**
 * Reads the hash for an operator.
 *
 * @throws WarderError `unavailable` when there is none, or it is unsafe or damaged.
 */
export function openPassphrase(home: Home, operator: string): PassphraseCheck {
  const path = passphraseFile(home, operator);
  const json = parseJson(readPrivateFile(path, 'passphrase hash', FILE_MAX));
  const { version, salt, hash } = isJsonObject(json) ? json : {};
  if (version !== 1 || typeof salt !== 'string' || typeof hash !== 'string') throw damaged(path);
  const [salted, expected] = [decodeBase64url(salt), decodeBase64url(hash)];
  if (salted.length !== 16 || expected.length !== 32) throw damaged(path);
  return async (passphrase) => timingSafeEqual(await derive(passphrase, salted), expected);
}

function derive(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(encodeUtf8(passphrase), salt, 32, { ...KDF, maxmem: MEMORY }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function damaged(path: string): WarderError {
  return new WarderError('unavailable', `\`${path}\` is damaged`, {
    hint: 'as root: `warder setup --separated --new-passphrase NAME`',
  });
}
