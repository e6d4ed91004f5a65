// From a key URI to a signer: the back ends by scheme.

import type { WarderError } from '../../base/errors/errors.ts';
import {
  type BackEndKey,
  checkedSigner,
  type OpenedSigner,
  type SignerRules,
} from './checked-signer.ts';
import { createFileKey, type FileContext, openFileKey } from './file/file-signer.ts';
import { type KeyUri, parseKeyUri } from './key-uri.ts';
import type { PublicJwk } from './signer.ts';
import { signerTrouble } from './trouble.ts';

export type { OpenedSigner } from './checked-signer.ts';

export interface SignerOptions extends SignerRules {
  /** Directory relative paths in the URI are below. */
  readonly home: string;
  /** The RFC 7638 thumbprint the key must have, as pinned in the config. */
  readonly kid?: string;
  /** Variables `env:NAME` may name; the process's own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Opens the key a URI names. Returns before the key can sign when unlocking takes long:
 * `sign` and `ready()` wait for it.
 *
 * @throws WarderError `usage` for a URI that is none; `unavailable` when the key cannot be used, its
 *   back end is not in this build, or it is not the pinned one.
 */
export async function openSigner(uri: string, options: SignerOptions): Promise<OpenedSigner> {
  const backEnd = await openBackEnd(parseKeyUri(uri), context(options));
  if (options.kid !== undefined && backEnd.key.kid !== options.kid) {
    await backEnd.close();
    throw signerTrouble('misconfigured', `the key is \`${backEnd.key.kid}\`, not the pinned one`, {
      hint: `the config pins \`${options.kid}\`: restore that key, or rotate on purpose`,
    });
  }
  return checkedSigner(backEnd, options);
}

/**
 * Makes a new key where a URI says; never over an existing one.
 *
 * @throws WarderError `usage`, `conflict`, `unavailable`.
 */
export function createKey(
  uri: string,
  options: Pick<SignerOptions, 'home' | 'env'>,
): Promise<PublicJwk> {
  const parsed = parseKeyUri(uri);
  if (parsed.scheme !== 'file') return Promise.reject(notInThisBuild(parsed));
  return createFileKey(parsed, context(options));
}

async function openBackEnd(uri: KeyUri, files: FileContext): Promise<BackEndKey> {
  switch (uri.scheme) {
    case 'file':
      return openFileKey(uri, files);
    case 'pkcs11':
    case 'tpm2':
    case 'unix':
    case 'https':
      throw notInThisBuild(uri);
  }
}

function context(options: Pick<SignerOptions, 'home' | 'env'>): FileContext {
  return { home: options.home, env: options.env ?? process.env };
}

function notInThisBuild(uri: KeyUri): WarderError {
  return signerTrouble(
    'misconfigured',
    `the \`${uri.scheme}:\` key back end is not in this build`,
    { hint: 'use a file key: `file:keys/signing.key?alg=ES256`' },
  );
}
