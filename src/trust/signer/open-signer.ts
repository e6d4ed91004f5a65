// From a key URI to a signer: the back ends by scheme.

import { WarderError } from '../../base/errors/errors.ts';
import {
  type BackEndKey,
  checkedSigner,
  type OpenedSigner,
  type SignerRules,
} from './checked-signer.ts';
import { checkNewFileKey, createFileKey, openFileKey } from './file/file-signer.ts';
import { type KeyUri, parseKeyUri, type Pkcs11KeyUri } from './key-uri.ts';
import type { Algorithm, PublicJwk } from './signer.ts';
import { signerTrouble } from './trouble.ts';

export type { OpenedSigner } from './checked-signer.ts';

export interface SignerOptions extends SignerRules {
  /** Directory relative paths in the URI are below. */
  readonly home: string;
  /** The RFC 7638 thumbprint the key must have, as pinned in the config. */
  readonly kid?: string;
  /** Variables `env:NAME` may name; the process's own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absolute paths of PKCS#11 modules that may be loaded; none when absent. A module is code. */
  readonly modules?: readonly string[];
}

/** How a key is reached, whatever it signs. */
export type KeyAccess = Pick<SignerOptions, 'home' | 'env' | 'modules'>;

/**
 * Opens the key a URI names. Returns before the key can sign when unlocking takes long:
 * `sign` and `ready()` wait for it.
 *
 * @throws WarderError `usage` for a URI that is none; `unavailable` when the key cannot be used or is not
 *   the pinned one.
 */
export async function openSigner(uri: string, options: SignerOptions): Promise<OpenedSigner> {
  const backEnd = await openBackEnd(parseKeyUri(uri), options);
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
export async function createKey(uri: string, access: KeyAccess): Promise<PublicJwk> {
  const parsed = parseKeyUri(uri);
  switch (parsed.scheme) {
    case 'file':
      return createFileKey(parsed, context(access));
    case 'pkcs11': {
      const { createPkcs11Key } = await import('./pkcs11/pkcs11-key.ts');
      return createPkcs11Key(parsed, context(access));
    }
    case 'tpm2': {
      const { createTpm2Key } = await import('./tpm2/tpm2-key.ts');
      return createTpm2Key(parsed, access);
    }
    case 'unix':
    case 'https':
      throw elsewhere();
  }
}

/**
 * Whether {@link createKey} would make a key there, as far as that can be known without making it.
 *
 * @throws WarderError what that would.
 */
export async function checkNewKey(uri: string, access: KeyAccess): Promise<void> {
  const parsed = parseKeyUri(uri);
  switch (parsed.scheme) {
    case 'file':
      return checkNewFileKey(parsed, context(access));
    case 'pkcs11': {
      const { checkNewPkcs11Key } = await import('./pkcs11/pkcs11-key.ts');
      return checkNewPkcs11Key(parsed, context(access));
    }
    case 'tpm2': {
      const { checkNewTpm2Key } = await import('./tpm2/tpm2-key.ts');
      return checkNewTpm2Key(parsed, access);
    }
    case 'unix':
    case 'https':
      throw elsewhere();
  }
}

/**
 * Which algorithms the token of a key has.
 *
 * @throws WarderError `unavailable`.
 */
export async function tokenAlgorithms(
  uri: Pkcs11KeyUri,
  access: KeyAccess,
): Promise<readonly Algorithm[]> {
  const { pkcs11Algorithms } = await import('./pkcs11/pkcs11-key.ts');
  return pkcs11Algorithms(uri, context(access));
}

async function openBackEnd(uri: KeyUri, options: SignerOptions): Promise<BackEndKey> {
  const from = context(options);
  switch (uri.scheme) {
    case 'file':
      return openFileKey(uri, from);
    case 'pkcs11': {
      const { openPkcs11Key } = await import('./pkcs11/pkcs11-key.ts');
      return openPkcs11Key(uri, from);
    }
    case 'tpm2': {
      const { openTpm2Key } = await import('./tpm2/tpm2-key.ts');
      return openTpm2Key(uri, from);
    }
    case 'unix':
    case 'https': {
      const { openRemoteKey } = await import('./remote/remote-key.ts');
      return openRemoteKey(uri, options);
    }
  }
}

function elsewhere(): WarderError {
  return new WarderError('usage', 'a daemon makes no keys in a signer process', {
    hint: 'make them there: `warder signer init`, or `warder signer add-key` for a rotation',
  });
}

type Context = Required<KeyAccess>;

function context({ home, env = process.env, modules = [] }: KeyAccess): Context {
  return { home, env, modules };
}
