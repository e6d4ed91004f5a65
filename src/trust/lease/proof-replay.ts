// Proofs that were used, for as long as they could be used again. Durable: a restart forgets none.

import { WarderError } from '../../base/errors/errors.ts';
import type { Table, TenantId, Tx } from '../../base/store/store.ts';
import { PROOF_AGE_MS } from './proof.ts';

/** Used proofs. Key: the minute it was made, its key, its id, so that old ones come first. */
export const proofReplayTable: Table<Record<string, never>> = { name: 'proof-replay', indexes: {} };

/** What of a proof says which it is. */
export interface ProofIdentity {
  readonly jkt: string;
  readonly jti: string;
  readonly iat: number;
}

/** Old ones that one new proof takes away. */
const SWEPT = 4;

/**
 * Uses a proof up, inside the transaction that lets its call start.
 *
 * @throws WarderError `lease-refused` when it was used before.
 */
export function useProof(
  tx: Tx,
  tenant: TenantId,
  { jkt, jti, iat }: ProofIdentity,
  now: number,
): void {
  const key = `${minute(iat * 1000)}/${jkt}/${jti}`;
  if (tx.get(proofReplayTable, tenant, key) !== undefined) {
    throw new WarderError('lease-refused', 'the proof was used already', {
      hint: 'sign a fresh one for each call',
    });
  }
  // One more minute than a proof is taken for: the key names the whole minute it was made in.
  const oldest = minute(now - PROOF_AGE_MS - 60_000);
  for (const old of tx.list(proofReplayTable, tenant, { limit: SWEPT })) {
    if (old.key.slice(0, oldest.length) >= oldest) break;
    tx.delete(proofReplayTable, tenant, old.key);
  }
  tx.insert(proofReplayTable, tenant, key, {});
}

function minute(wall: number): string {
  return String(Math.floor(wall / 60_000)).padStart(12, '0');
}
