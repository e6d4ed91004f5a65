// What the signer asks before it signs a lease: that it is one, of this daemon, for this key.

import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { decodeHex } from '../../base/encoding/hex.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Admitter, PublicJwk } from '../signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../verify/keys.ts';
import { BEARER_TTL_MAX } from './issue-lease.ts';
import { widening } from './lease-within.ts';
import type { LeaseClaims } from './lease.ts';
import { parseSigningInput } from './token.ts';
import { verifyLease } from './verify-lease.ts';

/**
 * Admits leases of one daemon that name the key that is to sign them: roots, and such that narrow the chain
 * given as evidence, which has to verify.
 *
 * @param parents the daemon's keys, which the chain may be signed with; the very key that signs when absent.
 */
export function leaseAdmitter(origin: string, parents?: () => TrustedKeys): Admitter {
  return {
    kind: 'lease',
    async admit(request, key) {
      try {
        const { header, claims } = parseSigningInput(decodeUtf8(request.payload));
        const fits =
          header.kid === key.kid &&
          header.alg === key.alg &&
          claims.iss === origin &&
          claims.aud === origin &&
          !isTooLate(claims, parents?.() ?? [], key) &&
          (claims.cnf !== undefined || claims.exp - claims.iat <= BEARER_TTL_MAX) &&
          (claims.del_depth === 0 ||
            (await narrows(
              claims,
              request.evidence,
              origin,
              parents?.() ?? (await leaseKeys(key)),
            )));
        if (fits) return;
      } catch (cause) {
        throw refusal(cause);
      }
      throw refusal(undefined);
    },
  };
}

/** Whether it is dated after the key that is to sign it was rotated. */
function isTooLate(claims: LeaseClaims, keys: TrustedKeys, { kid }: PublicJwk): boolean {
  const retired = keys.find((key) => key.kid === kid)?.retired;
  return retired !== undefined && !(claims.iat <= retired.at);
}

function leaseKeys(key: PublicJwk): Promise<TrustedKeys> {
  return loadKeys([JSON.stringify(key)], ['lease']);
}

async function narrows(
  claims: LeaseClaims,
  evidence: unknown,
  audience: string,
  keys: TrustedKeys,
): Promise<boolean> {
  const { parent } = (evidence ?? {}) as { readonly parent?: unknown };
  if (typeof parent !== 'string') return false;
  const verified = await verifyLease(parent, keys, { now: claims.nbf * 1000, audience });
  return (
    claims.par_hash === encodeBase64url(decodeHex(verified.digest)) &&
    widening(claims, verified.claims) === undefined
  );
}

function refusal(cause: unknown): WarderError {
  return new WarderError('not-trusted', 'the signer refuses this lease', {
    cause,
    hint: 'it must be a lease of this daemon, for this key, of at most a day, no wider than its parent',
  });
}
