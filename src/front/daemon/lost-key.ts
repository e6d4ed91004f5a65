// What stands for a key that is not there any more: its public half, so that another can take its place.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { KeyRow } from '../../trust/keyring/key-history.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import { parsePublicJwk } from '../../trust/signer/jwk.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import type { Home } from '../config/home.ts';

/** By its role. */
export type LostKey = 'signing' | 'log';

/**
 * A signer that signs nothing.
 *
 * @throws WarderError `unavailable` when nothing says what its public key was.
 */
export function lostKey(home: Home, kid: string, history: readonly KeyRow[]): OpenedSigner {
  const key = history.find(({ jwk }) => jwk.kid === kid)?.jwk ?? published(home, kid);
  const gone = (): Promise<never> =>
    Promise.reject(
      new WarderError('unavailable', `the key \`${kid}\` is lost`, {
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

/** A thumbprint is of one key alone: whoever wrote the file, no other is found by it. */
function published(home: Home, kid: string): PublicJwk {
  try {
    const path = join(home.public, 'jwks.json');
    const json = parseJson(readFileSync(path), { maxBytes: 4 * 1024 * 1024, maxDepth: 8 });
    const keys = isJsonObject(json) && Array.isArray(json['keys']) ? json['keys'] : [];
    for (const each of keys as readonly unknown[]) {
      const { kty, crv, x, y, kid: its, alg } = each as Record<string, unknown>;
      if (its === kid)
        return parsePublicJwk({ kty, crv, x, ...(y === undefined ? {} : { y }), kid, alg });
    }
  } catch (cause) {
    throw unknownKey(kid, cause);
  }
  throw unknownKey(kid, undefined);
}

function unknownKey(kid: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `nothing says what the key \`${kid}\` was`, {
    cause,
    hint: 'restore `public/jwks.json` of this home, or any JWKS it published, to that place',
  });
}
