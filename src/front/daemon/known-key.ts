// The public half of a key of a home, when nobody can ask the key itself.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import type { KeyRow } from '../../trust/keyring/key-history.ts';
import { parsePublicJwk } from '../../trust/signer/jwk.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import type { Home } from '../config/home.ts';

/**
 * By its thumbprint, which is of one key alone: whoever wrote the file, no other is found by it.
 *
 * @returns undefined when neither the history nor the published JWKS has it.
 */
export function knownKey(
  home: Home,
  kid: string,
  history: readonly KeyRow[],
): PublicJwk | undefined {
  return history.find(({ jwk }) => jwk.kid === kid)?.jwk ?? published(home, kid);
}

function published(home: Home, kid: string): PublicJwk | undefined {
  try {
    const path = join(home.public, 'jwks.json');
    const json = parseJson(readFileSync(path), { maxBytes: 4 * 1024 * 1024, maxDepth: 8 });
    const keys = isJsonObject(json) && Array.isArray(json['keys']) ? json['keys'] : [];
    for (const each of keys as readonly unknown[]) {
      const { kty, crv, x, y, kid: its, alg } = each as Record<string, unknown>;
      if (its === kid)
        return parsePublicJwk({ kty, crv, x, ...(y === undefined ? {} : { y }), kid, alg });
    }
  } catch {
    // It is missing, or no JWKS.
  }
  return undefined;
}
