// Keys of a signer that is being made: all are looked at before the first is made.

import { mkdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { formatKeyUri, isRemote, parseKeyUri } from '../../trust/signer/key-uri.ts';
import {
  checkNewKey,
  createKey,
  type KeyAccess,
  openSigner,
  tokenAlgorithms,
} from '../../trust/signer/open-signer.ts';
import type { Algorithm, PublicJwk } from '../../trust/signer/signer.ts';

/** A key that shall be there. */
export interface WantedKey {
  readonly uri: string;
  readonly alg: Algorithm;
  /** Whether one that is there already is taken. */
  readonly mayExist: boolean;
}

/** URI of a key in a file of the state directory. */
export function ownFile(name: string, alg: Algorithm): string {
  return `file:${name}.key?alg=${alg}&passphrase-source=${name}.passphrase`;
}

/** Where the log key of a signing key is: in its token when that has Ed25519; else in a file. */
export async function logKeyUri(signing: string, access: KeyAccess): Promise<string> {
  const uri = parseKeyUri(signing);
  const inToken = uri.scheme === 'pkcs11' && (await tokenAlgorithms(uri, access)).includes('EdDSA');
  if (!inToken) return ownFile('log', 'EdDSA');
  return formatKeyUri({ ...uri, object: `${uri.object}-log`, alg: 'EdDSA' });
}

/** PKCS#11 modules that key URIs name. */
export function modulesOf(uris: readonly (string | undefined)[]): readonly string[] {
  const modules = uris.flatMap((uri) => {
    const parsed = uri === undefined ? undefined : parseKeyUri(uri);
    return parsed?.scheme === 'pkcs11' && parsed.modulePath !== undefined
      ? [parsed.modulePath]
      : [];
  });
  return [...new Set(modules)];
}

/**
 * Whether a key can be made or taken, as far as that can be known without making it.
 *
 * @throws WarderError `usage`, `conflict`, `unavailable`.
 */
export async function checkKey(
  { uri, alg, mayExist }: WantedKey,
  access: KeyAccess,
): Promise<void> {
  checkForm(uri, alg);
  try {
    await checkNewKey(uri, access);
  } catch (error) {
    await taken(error, { uri, alg, mayExist }, access);
  }
}

/**
 * Makes a key, or takes the one that is there.
 *
 * @param onMade called when it was made.
 * @throws WarderError `usage`, `conflict`, `unavailable`.
 */
export async function makeKey(
  { uri, alg, mayExist }: WantedKey,
  access: KeyAccess,
  onMade: (uri: string) => void = () => {},
): Promise<PublicJwk> {
  checkForm(uri, alg);
  // Where auth values are unless the URI says otherwise.
  if (uri.startsWith('tpm2:')) {
    mkdirSync(join(access.home, 'keys'), { recursive: true, mode: 0o700 });
  }
  try {
    const key = await createKey(uri, access);
    onMade(uri);
    return key;
  } catch (error) {
    return await taken(error, { uri, alg, mayExist }, access);
  }
}

/** Whether the whole key is a file of the state directory, and goes with it. */
export function isOwnFile(uri: string): boolean {
  const parsed = parseKeyUri(uri);
  if (parsed.scheme === 'file') return !isAbsolute(parsed.path);
  return parsed.scheme === 'tpm2' && 'blob' in parsed.key && !isAbsolute(parsed.key.blob);
}

function checkForm(uri: string, alg: Algorithm): void {
  const parsed = parseKeyUri(uri);
  if (isRemote(parsed)) {
    throw new WarderError('usage', 'the keys of a signer are in a file or device of its own', {
      hint: 'name a `file:`, `pkcs11:` or `tpm2:` URI',
    });
  }
  if (parsed.alg !== alg) {
    throw new WarderError('usage', `this key has to be ${alg}, not ${parsed.alg}`, {
      hint: `say \`alg=${alg}\``,
    });
  }
}

/** The key that was in the way, if it may be taken. @throws WarderError. */
async function taken(
  error: unknown,
  { uri, mayExist }: WantedKey,
  access: KeyAccess,
): Promise<PublicJwk> {
  if (!(error instanceof WarderError) || error.code !== 'conflict') throw error;
  if (!mayExist) {
    throw new WarderError('conflict', `the key \`${uri}\` is there already`, {
      cause: error,
      hint: 'a key that signed for a log must not begin with an empty memory; if it never did: `--existing-keys`',
    });
  }
  const signer = await openSigner(uri, { ...access, roles: [] });
  try {
    await signer.ready();
    return signer.key;
  } finally {
    await signer.close();
  }
}
