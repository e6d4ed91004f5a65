// The key that signs next: where it is, and making it when there is none there yet.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { formatKeyUri, isRemote, parseKeyUri } from '../../trust/signer/key-uri.ts';
import { createKey } from '../../trust/signer/open-signer.ts';
import { signerProcessOf } from '../signing/remote-keys.ts';
import type { Runtime } from './compose.ts';
import { keyAccess } from './key-access.ts';

/** Algorithms of the two keys, and why they have no other. */
const ROLES = {
  signing: { alg: 'ES256', subject: 'the signing key is', hint: 'say `alg=ES256`' },
  log: {
    alg: 'EdDSA',
    subject: 'the key of the log is',
    hint: 'say `alg=EdDSA`: witnesses take no other',
  },
} as const;

/** By what it signs. */
export type KeyName = keyof typeof ROLES;

/**
 * Makes the next key when there is none where its URI says.
 *
 * @param current URI of the key that signs now.
 * @param given URI of the next one; in the signer process of the home, or a new file, when absent.
 * @returns its URI.
 * @throws WarderError `usage` when a key in a device would be followed by a file that nobody named, and for another
 *   algorithm; `conflict` when the file was made meanwhile; `unavailable` when it cannot be made.
 */
export async function makeNextKey(
  { home, config }: Pick<Runtime, 'home' | 'config'>,
  name: KeyName,
  current: string,
  given: string | undefined,
): Promise<string> {
  const there = signerProcessOf(config.logKey);
  // A signer process has made its next key itself.
  if (there !== undefined) return given ?? formatKeyUri(there);
  const uri = given ?? freshKeyUri(home.root, name, current);
  const parsed = parseKeyUri(uri);
  if (isRemote(parsed)) return uri;
  checkAlgorithm(name, parsed.alg);
  try {
    await createKey(uri, keyAccess(home, config));
  } catch (error) {
    if (given === undefined || !(error instanceof WarderError) || error.code !== 'conflict') {
      throw error;
    }
  }
  return uri;
}

/** @throws WarderError `usage` for a key of another algorithm than the role has. */
export function checkAlgorithm(name: KeyName, alg: string): void {
  const { alg: wanted, subject, hint } = ROLES[name];
  if (alg === wanted) return;
  throw new WarderError('usage', `${subject} ${wanted}, not ${alg}`, { hint });
}

/** A file nobody has yet: what a killed rotation left behind is not used. */
function freshKeyUri(root: string, name: KeyName, current: string): string {
  let number = 2;
  while (existsSync(join(root, 'keys', `${name}-${number}.key`))) number += 1;
  const path = `keys/${name}-${number}`;
  const uri = `file:${path}.key?alg=${ROLES[name].alg}&passphrase-source=${path}.passphrase`;
  if (parseKeyUri(current).scheme === 'file') return uri;
  throw new WarderError(
    'usage',
    `${ROLES[name].subject} in a device, and the next one would be a file`,
    {
      hint: `name the next key: one in a device, or \`--key '${uri}'\``,
    },
  );
}
