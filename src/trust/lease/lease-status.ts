// A lease as lists show it: its row, what was used of it, and how it ended.

import type { Reader, Row, TenantId } from '../../base/store/store.ts';
import { accountOf } from './lease-account.ts';
import {
  DEFAULT_TENANT,
  endedKeyKey,
  endedKeyTable,
  type LeaseRow,
  leaseTable,
} from './lease-table.ts';

/** A lease for lists. */
export interface LeaseStatus extends Omit<LeaseRow, 'state'> {
  readonly stateKey: string;
  readonly tenant: TenantId;
  /** A lease ends with any it was made from. */
  readonly state: LeaseRow['state'] | 'expired';
  readonly uses: number;
  readonly bytes?: number;
  /** By currency. */
  readonly spent?: Readonly<Record<string, number>>;
}

/** The row of a lease as of now. */
export function statusOf(reader: Reader, row: Row<LeaseRow>, now: number): LeaseStatus {
  const { tenant, key, value } = row;
  const { uses, bytes, spent } = accountOf(reader, tenant, key);
  return {
    ...value,
    stateKey: key,
    tenant,
    uses,
    ...(bytes === undefined ? {} : { bytes }),
    ...(spent === undefined ? {} : { spent }),
    ...endOf(reader, row, now),
  };
}

/** How it ended: by itself, or with the nearest to the root that did. */
function endOf(
  reader: Reader,
  { tenant, value }: Row<LeaseRow>,
  now: number,
): Pick<LeaseStatus, 'state' | 'reason' | 'endedAt'> {
  if (value.state !== 'active') return { state: value.state };
  const ofKey = endOfKey(reader, value, now);
  if (ofKey !== undefined) return ofKey;
  for (const ancestor of value.ancestors ?? []) {
    const row = reader.get(leaseTable, tenant, ancestor);
    if (row === undefined) continue;
    const end = endOfKey(reader, row, now);
    if (end !== undefined) return end;
    if (row.state === 'active') continue;
    const { state, endedAt, reason } = row;
    return {
      state,
      ...(endedAt === undefined ? {} : { endedAt }),
      ...(reason === undefined ? {} : { reason }),
    };
  }
  return { state: now >= value.claims.exp * 1000 ? 'expired' : 'active' };
}

/** How it ended with the key it is signed with. */
function endOfKey(
  reader: Reader,
  { kid, claims }: LeaseRow,
  now: number,
): Pick<LeaseStatus, 'state' | 'reason' | 'endedAt'> | undefined {
  if (kid === undefined || now >= claims.exp * 1000) return undefined;
  const end = reader.get(endedKeyTable, DEFAULT_TENANT, endedKeyKey(kid));
  if (end === undefined || now < end.until) return undefined;
  const reason = end.compromised === true ? 'its key was compromised' : 'its key was rotated';
  return { state: 'revoked', endedAt: end.until, reason };
}
