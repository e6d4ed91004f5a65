// The file back end: makes key files and opens them. The public key is there at once, the private one after scrypt.

import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { isAbsolute, join } from 'node:path';
import { encodeBase64url } from '../../../base/encoding/base64url.ts';
import { encodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { BackEndKey } from '../checked-signer.ts';
import { ALGORITHMS, makePublicJwk } from '../jwk.ts';
import type { FileKeyUri, PassphraseSource } from '../key-uri.ts';
import type { Algorithm, PublicJwk } from '../signer.ts';
import { KEY_FILE_MAX, parseKeyFile, sealKey } from './key-file.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

/** On another thread: the event loop has other calls to serve meanwhile. */
const signAside = promisify(sign);

/** Where relative paths and passphrases come from. */
export interface FileContext {
  /** Directory relative paths are below. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Longest passphrase, bytes. */
const PASSPHRASE_MAX = 1024;

/**
 * Makes a key file; a passphrase file that does not exist is made too, with 256 random bits.
 *
 * @returns the public key.
 * @throws WarderError `conflict` when the key file exists; `unavailable` when a file cannot be written
 *   or the named passphrase cannot be read.
 */
export async function createFileKey(uri: FileKeyUri, context: FileContext): Promise<PublicJwk> {
  if (uri.passphrase.from === 'file') {
    const secret = encodeUtf8(`${encodeBase64url(randomBytes(32))}\n`);
    try {
      writePrivateFile(below(context.home, uri.passphrase.path), 'passphrase file', secret);
    } catch (error) {
      // One that is there is used.
      if (!(error instanceof WarderError && error.code === 'conflict')) throw error;
    }
  }
  const passphrase = readPassphrase(uri.passphrase, context);
  const { publicKey, pkcs8 } = generate(uri.alg);
  try {
    const file = await sealKey(publicKey, pkcs8, passphrase);
    writePrivateFile(below(context.home, uri.path), 'key file', file);
  } finally {
    pkcs8.fill(0);
    passphrase.fill(0);
  }
  return publicKey;
}

/** {@link createFileKey} up to the making. @throws WarderError what that would. */
export function checkNewFileKey({ path, passphrase }: FileKeyUri, context: FileContext): void {
  const file = below(context.home, path);
  if (existsSync(file)) {
    throw new WarderError('conflict', `the key file \`${file}\` exists already`, {
      hint: 'an existing key is never overwritten: choose another path',
    });
  }
  const isNew = passphrase.from === 'file' && !existsSync(below(context.home, passphrase.path));
  if (!isNew) readPassphrase(passphrase, context).fill(0);
}

/**
 * Opens a key file. Returns as soon as file and passphrase are read; unlocking goes on meanwhile.
 *
 * @throws WarderError `unavailable` when either file is missing, unsafe or malformed.
 */
export function openFileKey(uri: FileKeyUri, context: FileContext): BackEndKey {
  const path = below(context.home, uri.path);
  const sealed = parseKeyFile(readPrivateFile(path, 'key file', KEY_FILE_MAX), path);
  if (sealed.publicKey.alg !== uri.alg) {
    throw new WarderError(
      'unavailable',
      `\`${path}\` holds an ${sealed.publicKey.alg} key, not ${uri.alg}`,
      {
        hint: 'correct `alg` in the key URI',
        data: { signer: 'misconfigured' },
      },
    );
  }
  const passphrase = readPassphrase(uri.passphrase, context);
  const unlocked = unlock(sealed.unseal(passphrase), sealed.publicKey, path).finally(() =>
    passphrase.fill(0),
  );
  unlocked.catch(() => undefined);
  const { hash } = ALGORITHMS[uri.alg];
  return {
    key: sealed.publicKey,
    custody: {
      backend: 'file',
      summary:
        uri.passphrase.from === 'file'
          ? 'protected by file permissions only'
          : 'encrypted file, passphrase from the environment',
    },
    ready: async () => {
      await unlocked;
    },
    sign: async (payload) =>
      signAside(hash, payload, { key: await unlocked, dsaEncoding: 'ieee-p1363' }),
    close: async () => {
      await unlocked.catch(() => undefined);
    },
  };
}

async function unlock(
  unsealed: Promise<Buffer>,
  publicKey: PublicJwk,
  path: string,
): Promise<KeyObject> {
  const pkcs8 = await unsealed;
  try {
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const { crv } = ALGORITHMS[publicKey.alg];
    const curve = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', Ed25519: undefined }[crv];
    const fits =
      key.asymmetricKeyType === (crv === 'Ed25519' ? 'ed25519' : 'ec') &&
      key.asymmetricKeyDetails?.namedCurve === curve;
    if (!fits) throw new Error(`not a private key on ${crv}`);
    return key;
  } catch (cause) {
    throw new WarderError('unavailable', `\`${path}\` holds no usable private key`, {
      cause,
      hint: 'restore the key file from a backup',
      data: { signer: 'misconfigured' },
    });
  } finally {
    pkcs8.fill(0);
  }
}

function generate(alg: Algorithm): { publicKey: PublicJwk; pkcs8: Buffer } {
  const { crv } = ALGORITHMS[alg];
  const pair =
    crv === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: crv });
  const { x, y } = pair.publicKey.export({ format: 'jwk' });
  return {
    publicKey: makePublicJwk(alg, x, y),
    pkcs8: pair.privateKey.export({ format: 'der', type: 'pkcs8' }),
  };
}

function readPassphrase(source: PassphraseSource, context: FileContext): Uint8Array {
  let secret: Uint8Array;
  if (source.from === 'env') {
    secret = encodeUtf8(context.env[source.name] ?? '');
  } else {
    const path = below(context.home, source.path);
    const content = readPrivateFile(path, 'passphrase file', PASSPHRASE_MAX);
    secret = content.at(-1) === 0x0a ? content.subarray(0, -1) : content;
  }
  if (secret.length > 0) return secret;
  throw new WarderError('unavailable', 'the passphrase of the key file is empty', {
    hint:
      source.from === 'env'
        ? `set the environment variable \`${source.name}\``
        : 'restore the passphrase file',
    data: { signer: 'auth' },
  });
}

function below(home: string, path: string): string {
  return isAbsolute(path) ? path : join(home, path);
}
