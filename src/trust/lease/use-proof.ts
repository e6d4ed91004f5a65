// The proof a lease came with, used up: in the transaction that lets its call start, or holds it for a person.

import type { Tx } from '../../base/store/store.ts';
import { proofOf } from './checked.ts';
import type { CheckedLease } from './lease.ts';
import { useProof } from './proof-replay.ts';

/**
 * Uses the proof up, if the lease came with one, so that it is not shown a second time.
 *
 * @throws WarderError `lease-refused` when it was used before.
 */
export function useProofOf(tx: Tx, lease: CheckedLease, now: number): void {
  const proof = proofOf(lease);
  if (proof !== undefined) useProof(tx, lease.claims.tenant, proof, now);
}
