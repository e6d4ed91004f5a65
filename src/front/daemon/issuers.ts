// The issuers of a home with their key files, which are read anew for each identity: keys come and go.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { type Identity, verifyIdentity } from '../../trust/identity/identity.ts';
import { type IssuerKey, JWKS_MAX, parseIssuerKeys } from '../../trust/identity/issuer-keys.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import type { IssuerConfig } from '../config/issuers.ts';

export interface Issuers {
  /** Who somebody is. Throws as {@link verifyIdentity}; `unavailable` when the keys cannot be read. */
  identify(text: string, now: number): Promise<Identity<IssuerConfig>>;
}

/** @throws WarderError for an issuer whose keys cannot be read or used: better now than at its first call. */
export async function openIssuers(home: Home, config: Config): Promise<Issuers> {
  const { issuers } = config.trust;
  const keysOf = (issuer: IssuerConfig): Promise<ReadonlyMap<string, IssuerKey>> =>
    parseIssuerKeys(readKeyFile(resolve(home.root, issuer.jwks)), issuer.algorithms);
  for (const issuer of issuers) await keysOf(issuer);
  return { identify: (text, now) => verifyIdentity(text, issuers, keysOf, now) };
}

/** Whoever can write it can be anybody, so nobody else may. All checks are on the open descriptor. */
function readKeyFile(path: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, 'cannot be opened', cause);
  }
  try {
    const { mode, uid, size } = fstatSync(descriptor);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw unreadable(path, 'is no file');
    if (uid !== 0 && uid !== process.getuid?.()) throw unreadable(path, 'is another user’s');
    if ((mode & 0o022) !== 0) throw unreadable(path, 'can be written by others');
    if (size > JWKS_MAX) throw unreadable(path, `is larger than ${JWKS_MAX} bytes`);
    const bytes = new Uint8Array(JWKS_MAX + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got) {
      got = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    return decodeUtf8(bytes.subarray(0, length));
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(path: string, why: string, cause?: unknown): WarderError {
  return new WarderError('unavailable', `the issuer's keys: \`${path}\` ${why}`, {
    hint: 'put the JWKS of the issuer there, owned by the user of the daemon, mode 0644 or less',
    ...(cause === undefined ? {} : { cause }),
  });
}
