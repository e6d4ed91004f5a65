// Who presents a lease, and whether it is the one it is bound to.

import { WarderError } from '../../base/errors/errors.ts';
import type { CheckedLease } from './lease.ts';
import { assertVerifiedProof, type VerifiedProof } from './proof.ts';
import type { VerifiedLease } from './verify-lease.ts';

/** How the bearer of a token shows that it is the holder. */
export type Presented =
  | { readonly connection: string }
  | { readonly proof: VerifiedProof }
  /** Only from where the operator's configuration allows it. */
  | { readonly bearer: true };

/**
 * A bound lease sent as bearer is refused, and so is one bound to another connection or key.
 *
 * @throws WarderError `lease-refused`.
 */
export function holderOf(lease: VerifiedLease, presented: Presented): CheckedLease['holder'] {
  const { cnf } = lease.claims;
  if (cnf === undefined) {
    if ('bearer' in presented) return 'bearer';
    return refuse(
      'is a bearer lease, which is presented as nothing else',
      'send it as a credential',
    );
  }
  if ('conn' in cnf) {
    if ('connection' in presented && presented.connection === cnf.conn) return 'connection';
    return refuse('is bound to another connection', 'use it where it was issued');
  }
  if (!('proof' in presented)) {
    return refuse('is bound to a key', 'send a proof, signed with that key, with every call');
  }
  const { proof } = presented;
  assertVerifiedProof(proof);
  if (proof.token !== lease.text) {
    return refuse('came with a proof for another token', 'sign a proof over what is sent');
  }
  if (proof.jkt !== lease.chain.at(-1)?.jkt) {
    return refuse('came with a proof by another key', 'sign it with the key the lease is bound to');
  }
  return 'dpop';
}

function refuse(why: string, hint: string): never {
  throw new WarderError('lease-refused', `the lease ${why}`, { hint });
}
