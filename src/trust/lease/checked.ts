// Where checked leases are made. A look-alike, however typed, is none.

import type { CheckedLease, LeaseClaims } from './lease.ts';

const made = new WeakSet<CheckedLease>();

/** Makes one. For the lease book alone; lint keeps other rooms out. */
export function makeCheckedLease(
  stateKey: string,
  claims: LeaseClaims,
  holder: CheckedLease['holder'],
): CheckedLease {
  const lease = Object.freeze({ stateKey, claims, holder });
  made.add(lease);
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
