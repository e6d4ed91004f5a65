// A lease decided upon where there is no daemon: taken only when nothing about it needs one.

import { WarderError } from '../../base/errors/errors.ts';
import { DEFAULT_TENANT } from './lease-table.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { type Revocations, verifyRevocations } from './revocation-list.ts';
import { type LeaseExpectations, type VerifiedLease, verifyLease } from './verify-lease.ts';

export interface OfflineExpectations extends LeaseExpectations {
  /** The issuer's revocation list, signed. */
  readonly revocations: string;
  /** The highest `seq` seen so far. */
  readonly atLeast?: number;
  /** Oldest list that is taken, seconds, even if it says of itself that it holds longer. */
  readonly maxAgeSeconds?: number;
}

/**
 * Verifies a lease as {@link verifyLease} does, and that it is neither revoked nor counted by a daemon.
 * A bound lease needs its holder's proof besides.
 *
 * @throws WarderError as {@link verifyLease} and `verifyRevocations` do, and `lease-refused` for a lease or
 *   holder the list names, a list that is too old, and a lease that only a daemon can honour
 *   (`data.needsOnline`).
 */
export async function verifyOffline(
  text: string,
  keys: TrustedKeys,
  expected: OfflineExpectations,
): Promise<{ readonly lease: VerifiedLease; readonly revocations: Revocations }> {
  const lease = await verifyLease(text, keys, expected);
  const revocations = await verifyRevocations(expected.revocations, keys, expected);
  const { maxAgeSeconds = Infinity, now } = expected;
  if (!(now - revocations.iat * 1000 <= maxAgeSeconds * 1000)) {
    refuse('cannot be judged by a list that old', {});
  }
  if ((revocations.tenant ?? DEFAULT_TENANT) !== lease.claims.tenant) {
    refuse('cannot be judged by the list of another tenant', {});
  }
  for (const { stateKey, jkt, kid } of lease.chain) {
    if (kid !== undefined && revocations.keys?.includes(kid) === true) {
      refuse('is signed with a key that was compromised', {});
    }
    if (revocations.leases.includes(stateKey)) refuse('was revoked or released', {});
    if (jkt !== undefined && revocations.holders.includes(jkt)) {
      refuse('is bound, or goes back, to a key that was revoked', {});
    }
  }
  const { cnf } = lease.claims;
  const needsOnline = [...lease.needsOnline];
  if (cnf !== undefined && 'conn' in cnf) needsOnline.push('cnf.conn');
  if (needsOnline.length > 0) {
    refuse(`needs the daemon, for ${needsOnline.join(', ')}`, { needsOnline });
  }
  return { lease, revocations };
}

function refuse(why: string, data: Readonly<Record<string, unknown>>): never {
  throw new WarderError('lease-refused', `the lease ${why}`, {
    hint: 'ask the daemon that issued it',
    data,
  });
}
