// Where checked leases are made. A look-alike, however typed, is none.

import type { ChainLink, CheckedLease } from './lease.ts';
import type { ProofIdentity } from './proof-replay.ts';

/** Each with the proof it came with, which its first use uses up. */
const made = new WeakMap<CheckedLease, ProofIdentity | undefined>();

/**
 * Makes one. For the lease book alone; lint keeps other rooms out.
 *
 * @param chain from the root to the lease itself.
 */
export function makeCheckedLease(
  chain: readonly [ChainLink, ...ChainLink[]],
  holder: CheckedLease['holder'],
  proof?: ProofIdentity,
): CheckedLease {
  const { stateKey, claims } = chain.at(-1) ?? chain[0];
  const links = Object.freeze(chain.map((link) => Object.freeze({ ...link })));
  const lease = Object.freeze({ stateKey, claims, holder, chain: links });
  made.set(lease, proof);
  return lease;
}

/**
 * Narrows an unknown value to a lease this process checked.
 *
 * @throws TypeError for anything else.
 */
export function assertCheckedLease(value: unknown): asserts value is CheckedLease {
  if (typeof value !== 'object' || value === null || !made.has(value as CheckedLease)) {
    throw new TypeError('not a lease that was checked in this process');
  }
}

/** The proof of possession that a lease was checked with, if it was with one. */
export function proofOf(lease: CheckedLease): ProofIdentity | undefined {
  return made.get(lease);
}
