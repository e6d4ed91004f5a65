// Making a narrower lease from one's own, offline: the same claims but for those that are given.

import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { joinChain, parseChain } from '../lease/chain.ts';
import { parseClaims } from '../lease/claims.ts';
import { thumbprint } from '../lease/holder-jwk.ts';
import type { Capability, HolderJwk, LeaseClaims, Rate } from '../lease/lease.ts';
import { widening } from '../lease/lease-within.ts';
import { formatSigningInput, LEASE_TYPE } from '../lease/token.ts';
import { holderIssuer, parentHash } from '../lease/verify-lease.ts';
import type { HolderKey } from './holder-key.ts';

/** What a child is to say; what is absent stays as the parent has it. */
export interface ChildTerms {
  /** Whose it will be: the public key, or its thumbprint alone for one that makes no children. */
  readonly holder: HolderJwk | { readonly jkt: string };
  readonly capabilities?: readonly Capability[];
  /** Whole seconds from now; to the end of the parent when absent. */
  readonly ttlSeconds?: number;
  readonly maxUses?: number;
  readonly maxBytes?: number;
  readonly rate?: Rate;
  /** How many more levels may be made below it; none when absent. */
  readonly levels?: number;
}

/**
 * Makes a child of the last lease of a chain.
 *
 * @param now wall milliseconds.
 * @returns the chain with the child at its end.
 * @throws WarderError `lease-refused` when it would be wider than its parent, or the key is not its
 *   holder's; `malformed` for terms no lease can have.
 */
export async function narrowLease(
  parentText: string,
  key: HolderKey,
  terms: ChildTerms,
  now: number,
): Promise<string> {
  const parent = parseChain(parentText).at(-1);
  if (parent === undefined) throw new WarderError('internal', 'a chain without leases');
  const { cnf } = parent.claims;
  if (cnf === undefined || !('jwk' in cnf) || thumbprint(cnf.jwk) !== key.jkt) {
    throw new WarderError('lease-refused', 'the lease is not bound to this key as a whole', {
      hint: 'ask for a lease with `cnf.jwk`, or have the daemon make the child',
    });
  }
  const claims = parseClaims(
    childClaims(parent.claims, parentHash(parent.signingInput), key, terms, now),
  );
  const wider = widening(claims, parent.claims);
  if (wider !== undefined) {
    throw new WarderError('lease-refused', `a child may only narrow: ${wider}`, {
      hint: 'give away no more than the lease has: `warder lease show` tells',
    });
  }
  const input = formatSigningInput({ alg: key.alg, kid: key.jkt, typ: LEASE_TYPE }, claims);
  return joinChain(parentText, `${input}.${encodeBase64url(await key.sign(input))}`);
}

function childClaims(
  parent: LeaseClaims,
  hash: string,
  key: HolderKey,
  terms: ChildTerms,
  now: number,
): object {
  const second = Math.floor(now / 1000);
  const { ttlSeconds, holder, maxUses, maxBytes, rate } = terms;
  const nbf = Math.max(second, parent.nbf);
  const depth = parent.del_depth + 1;
  return {
    ...parent,
    iss: holderIssuer(key.jkt),
    jti: encodeBase64url(crypto.getRandomValues(new Uint8Array(16))),
    iat: Math.min(second, nbf),
    nbf,
    exp: ttlSeconds === undefined ? parent.exp : Math.min(parent.exp, nbf + ttlSeconds),
    cnf: 'jkt' in holder ? { jkt: holder.jkt } : { jwk: holder },
    authorization_details:
      terms.capabilities ??
      parent.authorization_details.filter(({ type }) => type !== 'lease.refresh'),
    ...(maxUses === undefined ? {} : { max_uses: maxUses }),
    ...(maxBytes === undefined ? {} : { max_bytes: maxBytes }),
    ...(rate === undefined ? {} : { rate }),
    par_hash: hash,
    del_depth: depth,
    del_max: Math.min(parent.del_max, depth + (terms.levels ?? 0)),
  };
}
