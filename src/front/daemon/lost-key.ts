// What stands for a key that is not there any more: its public half, so that another can take its place.

import { WarderError } from '../../base/errors/errors.ts';
import type { KeyRow } from '../../trust/keyring/key-history.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import type { Home } from '../config/home.ts';
import { goneSigner } from '../signing/gone-signer.ts';
import { knownKey } from './known-key.ts';

/** By its role. */
export type LostKey = 'signing' | 'log';

/**
 * A signer that signs nothing.
 *
 * @throws WarderError `unavailable` when nothing says what its public key was.
 */
export function lostKey(home: Home, kid: string, history: readonly KeyRow[]): OpenedSigner {
  const key = knownKey(home, kid, history);
  if (key === undefined) throw unknownKey(kid);
  return goneSigner(key);
}

function unknownKey(kid: string): WarderError {
  return new WarderError('unavailable', `nothing says what the key \`${kid}\` was`, {
    hint: 'restore `public/jwks.json` of this home, or any JWKS it published, to that place',
  });
}
