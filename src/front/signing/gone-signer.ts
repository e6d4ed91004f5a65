// What stands for a key that is lost: its public half, so that another can take its place.

import { WarderError } from '../../base/errors/errors.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';

/** A signer that signs nothing. */
export function goneSigner(key: PublicJwk): OpenedSigner {
  const gone = (): Promise<never> =>
    Promise.reject(
      new WarderError('unavailable', `the key \`${key.kid}\` is lost`, {
        hint: 'another has to take its place: `warder keys rotate --compromised --offline`',
      }),
    );
  return {
    key,
    custody: { backend: 'file', summary: 'lost' },
    roles: [],
    ready: gone,
    sign: gone,
    close: () => Promise.resolve(),
  };
}
