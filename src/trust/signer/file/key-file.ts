// The key file: its format, sealed with scrypt and AES-256-GCM over every member. See docs/keys/file.md.

import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { decodeBase64url, encodeBase64url } from '../../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../../base/encoding/jcs.ts';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { parsePublicJwk } from '../jwk.ts';
import type { PublicJwk } from '../signer.ts';

const FORMAT = 'warder-key-file/1';

/** Largest key file, bytes. */
export const KEY_FILE_MAX = 8192;

/** Cost of new files, and what is accepted: not cheaper than made here, not dear enough to hurt. */
const KDF = { name: 'scrypt', N: 2 ** 17, maxN: 2 ** 19, r: 8, p: 1 } as const;

/** Everything in the file but the ciphertext; all of it is authenticated. */
interface Head {
  readonly format: typeof FORMAT;
  readonly publicKey: PublicJwk;
  readonly kdf: {
    readonly name: 'scrypt';
    readonly N: number;
    readonly r: number;
    readonly p: number;
    readonly salt: string;
  };
  readonly cipher: { readonly name: 'A256GCM'; readonly iv: string };
}

/** A key file read and checked, not yet unlocked. */
export interface SealedKey {
  readonly publicKey: PublicJwk;
  /**
   * The PKCS #8 bytes. Takes about a third of a second and 128 MiB for that long.
   *
   * @throws WarderError `unavailable` when the passphrase is wrong or any member was changed.
   */
  unseal(passphrase: Uint8Array): Promise<Buffer>;
}

/** Makes the bytes of a key file. */
export async function sealKey(
  publicKey: PublicJwk,
  pkcs8: Uint8Array,
  passphrase: Uint8Array,
): Promise<Uint8Array> {
  const head: Head = {
    format: FORMAT,
    publicKey,
    kdf: { name: KDF.name, N: KDF.N, r: KDF.r, p: KDF.p, salt: encodeBase64url(randomBytes(16)) },
    cipher: { name: 'A256GCM', iv: encodeBase64url(randomBytes(12)) },
  };
  const key = await derive(passphrase, head);
  const cipher = createCipheriv('aes-256-gcm', key, decodeBase64url(head.cipher.iv));
  cipher.setAAD(canonicalBytes(head));
  const sealed = Buffer.concat([cipher.update(pkcs8), cipher.final(), cipher.getAuthTag()]);
  key.fill(0);
  const file = { ...head, ciphertext: encodeBase64url(sealed) };
  return encodeUtf8(`${JSON.stringify(file, undefined, 2)}\n`);
}

/**
 * Reads a key file without its passphrase.
 *
 * @throws WarderError `unavailable` for anything but exactly this format with costs within bounds.
 */
export function parseKeyFile(bytes: Uint8Array, path: string): SealedKey {
  let head: Head;
  let sealed: Uint8Array;
  try {
    const json = object(parseJson(bytes, { maxBytes: KEY_FILE_MAX, maxDepth: 4 }), 'the file', [
      'format',
      'publicKey',
      'kdf',
      'cipher',
      'ciphertext',
    ]);
    if (json['format'] !== FORMAT) bad(`\`format\` is not \`${FORMAT}\``);
    head = {
      format: FORMAT,
      publicKey: parsePublicJwk(json['publicKey']),
      kdf: parseKdf(json['kdf']),
      cipher: parseCipher(json['cipher']),
    };
    sealed = bytesOf(json['ciphertext'], 'ciphertext');
    if (sealed.length < 16 + 32 || sealed.length > 1024)
      bad('`ciphertext` is too short or too long');
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new WarderError('unavailable', `\`${path}\` is not a whole key file: ${text}`, {
      cause,
      hint: 'restore it from a backup; see docs/keys/file.md for the format',
      data: { signer: 'misconfigured' },
    });
  }
  return {
    publicKey: head.publicKey,
    async unseal(passphrase) {
      const key = await derive(passphrase, head);
      const tag = sealed.length - 16;
      const decipher = createDecipheriv('aes-256-gcm', key, decodeBase64url(head.cipher.iv));
      key.fill(0);
      decipher.setAAD(canonicalBytes(head));
      decipher.setAuthTag(sealed.subarray(tag));
      const plain = decipher.update(sealed.subarray(0, tag));
      try {
        decipher.final();
      } catch (cause) {
        plain.fill(0);
        throw new WarderError('unavailable', `\`${path}\` does not open with this passphrase`, {
          cause,
          hint: 'the passphrase is wrong or the file was changed; it is not tried again',
          data: { signer: 'auth' },
        });
      }
      return plain;
    },
  };
}

let turn: Promise<unknown> = Promise.resolve();

/** Derivations wait for each other: two at once would need the memory twice. */
function derive(passphrase: Uint8Array, head: Head): Promise<Buffer> {
  const { N, r, p, salt } = head.kdf;
  const mine = turn.then(
    () =>
      new Promise<Buffer>((resolve, reject) => {
        const options = { N, r, p, maxmem: 128 * N * r + 1024 * 1024 };
        scrypt(passphrase, decodeBase64url(salt), 32, options, (error, key) => {
          if (error === null) resolve(key);
          else
            reject(
              new WarderError('unavailable', `scrypt failed: ${error.message}`, { cause: error }),
            );
        });
      }),
  );
  turn = mine.catch(() => undefined);
  return mine;
}

function parseKdf(value: unknown): Head['kdf'] {
  const kdf = object(value, '`kdf`', ['name', 'N', 'r', 'p', 'salt']);
  const { name, N, r, p, salt } = kdf;
  const powerOfTwo = typeof N === 'number' && Number.isInteger(Math.log2(N));
  if (name !== KDF.name || r !== KDF.r || p !== KDF.p || !powerOfTwo || N < KDF.N || N > KDF.maxN) {
    bad(`\`kdf\` must be scrypt with N from ${KDF.N} to ${KDF.maxN}, r ${KDF.r}, p ${KDF.p}`);
  }
  if (bytesOf(salt, 'salt').length !== 16) bad('`salt` must have 16 bytes');
  return { name: KDF.name, N, r: KDF.r, p: KDF.p, salt: salt as string };
}

function parseCipher(value: unknown): Head['cipher'] {
  const { name, iv } = object(value, '`cipher`', ['name', 'iv']);
  if (name !== 'A256GCM' || bytesOf(iv, 'iv').length !== 12) bad('`cipher` must be A256GCM');
  return { name: 'A256GCM', iv: iv as string };
}

function object(value: unknown, at: string, names: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    bad(`${at} must be an object`);
  const keys = Object.keys(value);
  if (keys.length !== names.length || !names.every((name) => keys.includes(name))) {
    bad(`${at} must have exactly ${names.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

function bytesOf(value: unknown, at: string): Uint8Array {
  if (typeof value !== 'string') bad(`\`${at}\` must be base64url`);
  return decodeBase64url(value);
}

function bad(what: string): never {
  throw new WarderError('malformed', what);
}
