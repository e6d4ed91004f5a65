// Signing a lease anew for the holder that proves to hold it.

import { WarderError } from '../../base/errors/errors.ts';
import { prepareRenewal } from '../../trust/lease/issue-lease.ts';
import { recordEvent } from '../administer.ts';
import type { Caller } from '../door.ts';
import type { LeaseParts } from './lease-parts.ts';
import type { LeaseTokens } from './lease-tokens.ts';

/**
 * Renews: the proof used up, the row and its leaf in one transaction, then the signature.
 *
 * @returns the new text of the same lease.
 * @throws WarderError `lease-refused`; `malformed`, `not-trusted`, `verification-failed` for a text or a
 *   proof that is none; `unavailable` when it cannot be signed now.
 */
export async function renewLease(
  { gate, office, reception }: LeaseParts,
  tokens: LeaseTokens,
  { tenant, agent, principal }: Caller,
  { text, proof }: { readonly text: string; readonly proof: string },
): Promise<string> {
  const now = gate.now();
  const verified = await reception.read(text, now);
  if (verified.claims.tenant !== tenant || verified.chain.at(-1)?.jkt === undefined) {
    throw new WarderError(
      'lease-refused',
      'only a lease bound to a key is signed anew, in its tenant',
      {
        hint: 'the lease of a connection is renewed by itself',
      },
    );
  }
  const lease = await reception.take(
    { lease: verified, proof, agent, bearer: false },
    undefined,
    now,
  );
  const prepared = prepareRenewal(lease, office.signer.key, now);
  const receipt = await gate.store.commit((tx) => {
    gate.leases.renew(tx, lease, prepared, now);
    return recordEvent(tx, gate, now, {
      type: 'lease',
      outcome: 'renewed',
      tenant,
      principal,
      lease: lease.stateKey,
      subject: { name: 'lease', sha256: prepared.digest },
      ...(lease.claims.task === undefined ? {} : { task: lease.claims.task }),
      detail: { agent, expires: prepared.claims.exp },
    });
  });
  return (await tokens.sign(prepared, gate.log.durable(receipt))).text;
}
