// Ending leases against their holders' will: one with all made from it, a principal's, a key's, or all.

import { createHash } from 'node:crypto';
import { canonicalBytes } from '../base/encoding/jcs.ts';
import { WarderError } from '../base/errors/errors.ts';
import type { TenantId, Tx } from '../base/store/store.ts';
import { isLeaseName, leasesBelow, leasesNamed } from '../trust/lease/find-leases.ts';
import { type LeaseRow, leaseTable } from '../trust/lease/lease-book.ts';
import type { Administration, Event } from './administer.ts';
import type { GateParts } from './parts.ts';

/** Which leases. */
export type Revoked =
  /** State key: it and all that were made from it. */
  | { readonly by: 'lease'; readonly id: string }
  /** A principal. */
  | { readonly by: 'subject'; readonly subject: string }
  /** RFC 7638 thumbprint of a holder's key, which is taken out of use. */
  | { readonly by: 'holder'; readonly jkt: string }
  | { readonly by: 'all' };

/** What ended in one tenant. */
export interface Ended {
  readonly tenant: TenantId;
  /** State keys, of those that were known and had not ended. */
  readonly leases: readonly string[];
}

/** State keys a receipt names; of more it tells how many there were. */
const NAMED = 10;

/**
 * Finds the one lease that goes by `id`.
 *
 * @param tenant all when absent.
 * @throws WarderError `malformed` for what can be no name of one; `not-found` when none goes by it, or more
 *   than one does.
 */
export function findLease(
  { store }: Pick<GateParts, 'store'>,
  tenant: TenantId | undefined,
  id: string,
): { readonly tenant: TenantId; readonly key: string; readonly value: LeaseRow } {
  const hint = 'give the state key or its first 16 digits: `warder lease list`';
  if (!isLeaseName(id)) {
    throw new WarderError('malformed', 'that is no name of a lease', { hint });
  }
  const [first, ...more] = store.read((reader) => leasesNamed(reader, tenant, id));
  if (first !== undefined && more.length === 0) return first;
  const count = first === undefined ? 'no' : 'more than one';
  throw new WarderError('not-found', `${count} lease is \`${id}\``, { hint });
}

/**
 * Ends leases. Each tenant's are one transaction with its receipt. Ending ended ones changes nothing.
 *
 * @throws WarderError `not-found` for a lease that is unknown; `malformed` for a holder that is no
 *   thumbprint.
 */
export async function revokeLeases(
  gate: Pick<GateParts, 'store' | 'leases'>,
  administration: Administration,
  revoked: Revoked,
  reason: string,
  tenants: readonly TenantId[],
): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  for (const tenant of tenants) {
    const { result } = await administration.record((tx, now) => {
      const leases = end(gate, tx, tenant, revoked, reason, now);
      const task = taskOf(tx, tenant, revoked);
      return [
        { tenant, leases },
        { ...revokedEvent(tenant, revoked, leases, reason), ...task },
      ];
    });
    ended.push(result);
  }
  return ended;
}

function end(
  { leases }: Pick<GateParts, 'leases'>,
  tx: Tx,
  tenant: TenantId,
  revoked: Revoked,
  reason: string,
  now: number,
): readonly string[] {
  switch (revoked.by) {
    case 'lease': {
      const { id } = revoked;
      const before = tx.get(leaseTable, tenant, id);
      const below = leasesBelow(tx, tenant, id, now);
      leases.revoke(tx, tenant, id, reason, now);
      return before?.state === 'active' ? [id, ...below] : [];
    }
    case 'subject':
      return leases.revokeSubject(tx, tenant, revoked.subject, reason, now);
    case 'holder':
      if (!/^[A-Za-z0-9_-]{43}$/.test(revoked.jkt)) {
        throw new WarderError('malformed', 'that is no thumbprint of a key', {
          hint: 'give the RFC 7638 thumbprint, or the file with the public key',
        });
      }
      return leases.revokeHolder(tx, tenant, revoked.jkt, reason, now);
    case 'all':
      return leases.revokeAll(tx, tenant, reason, now);
  }
}

/** Of one lease, its task stands on the leaf. */
function taskOf(tx: Tx, tenant: TenantId, revoked: Revoked): { readonly task?: string } {
  const row = revoked.by === 'lease' ? tx.get(leaseTable, tenant, revoked.id) : undefined;
  return row?.claims.task === undefined ? {} : { task: row.claims.task };
}

function revokedEvent(
  tenant: TenantId,
  revoked: Revoked,
  leases: readonly string[],
  reason: string,
): Event {
  const one = revoked.by === 'lease' ? revoked.id : undefined;
  const subject =
    one === undefined
      ? { name: `leases by ${revoked.by}`, sha256: digestOf(revoked) }
      : { name: 'lease', sha256: one };
  return {
    type: 'lease',
    outcome: 'revoked',
    tenant,
    subject,
    ...(one === undefined ? {} : { lease: one }),
    reason,
    detail: { by: revoked.by, ended: leases.length, leases: leases.slice(0, NAMED) },
  };
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalBytes(value)).digest('hex');
}
