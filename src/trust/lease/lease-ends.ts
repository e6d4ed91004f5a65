// How a lease ends in the store, and whether one has: by itself, with a key of its chain, with the daemon's key.

import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, TenantId, Tx } from '../../base/store/store.ts';
import { thumbprint } from './holder-jwk.ts';
import type { ChainLink, CheckedLease, LeaseClaims } from './lease.ts';
import {
  compromisedKeys,
  DEFAULT_TENANT,
  endedKeyKey,
  endedKeyTable,
  endKey,
  endTable,
  holderKey,
  holderTable,
  type LeaseRow,
  leaseTable,
  listedKey,
  listedLeases,
  listedTable,
  revokedHolders,
} from './lease-table.ts';

/** No lease lives longer. */
const LONGEST_LIFE_MS = 86_400_000;

/** What a revocation list of a tenant names. */
export interface Ended {
  readonly leases: readonly string[];
  readonly holders: readonly string[];
  /** Of the daemon. */
  readonly keys: readonly string[];
}

/** What became of a row that was to end. */
export interface EndedRow {
  readonly row: LeaseRow;
  /** Whether revocation lists have one more to name. */
  readonly listed: boolean;
}

/**
 * Writes that a lease has ended. Ending an ended one changes nothing, but that a revocation stays one,
 * whoever releases the lease afterwards.
 *
 * @throws WarderError `not-found`.
 */
export function writeEnd(
  tx: Tx,
  tenant: TenantId,
  stateKey: string,
  end: { readonly state: 'released' | 'revoked'; readonly at: number; readonly reason?: string },
): EndedRow {
  const row = tx.get(leaseTable, tenant, stateKey);
  if (row === undefined) {
    throw new WarderError('not-found', `there is no lease \`${stateKey.slice(0, 64)}\``, {
      hint: 'list them with `warder lease list`',
    });
  }
  const { state, at, reason } = end;
  if (row.state === 'revoked' || row.state === state) return { row, listed: false };
  const ended = { ...row, state, endedAt: at, ...(reason === undefined ? {} : { reason }) };
  tx.put(leaseTable, tenant, stateKey, ended);
  tx.put(endTable, tenant, endKey(stateKey), { at });
  const listed = mayBeOffline(row.claims);
  if (listed) tx.put(listedTable, tenant, listedKey(row.claims.exp, stateKey), {});
  return { row: ended, listed };
}

/** Whether a lease of the chain, or a holder's key in it, has ended in the store. */
export function endedInStore(reader: Reader, { claims: { tenant }, chain }: CheckedLease): boolean {
  return chain.some(
    ({ stateKey, jkt }) =>
      reader.get(endTable, tenant, endKey(stateKey)) !== undefined ||
      (jkt !== undefined && reader.get(holderTable, tenant, holderKey(jkt)) !== undefined),
  );
}

/** Whether one of the chain is signed with a key of the daemon that does not count any more. */
export function keyEnded(reader: Reader, chain: readonly ChainLink[], now: number): boolean {
  return chain.some(({ kid }) => {
    const end =
      kid === undefined ? undefined : reader.get(endedKeyTable, DEFAULT_TENANT, endedKeyKey(kid));
    return end !== undefined && !(now < end.until);
  });
}

/**
 * What a revocation list of a tenant names now: ended leases that have not expired, holders' keys, and keys
 * of the daemon that were compromised. A lease that nobody takes offline, and from which none is made that
 * somebody might, is not among them.
 */
export function endedNow(reader: Reader, tenant: TenantId, now: number): Ended {
  return {
    leases: [...listedLeases(reader, tenant, now)].sort(),
    holders: [...revokedHolders(reader, tenant)].map(({ value }) => value.jkt).sort(),
    keys: compromisedKeys(reader)
      .filter(({ at }) => now < at + LONGEST_LIFE_MS)
      .map(({ kid }) => kid)
      .sort(),
  };
}

/** Thumbprint of the key a lease is bound to, if it is bound to one. */
export function holderOfRow({ claims: { cnf } }: LeaseRow): string | undefined {
  if (cnf === undefined || 'conn' in cnf) return undefined;
  return 'jkt' in cnf ? cnf.jkt : thumbprint(cnf.jwk);
}

function mayBeOffline({ cnf, del_depth, del_max, delegatable }: LeaseClaims): boolean {
  if (cnf === undefined || !('conn' in cnf)) return true;
  return delegatable !== false && del_depth < del_max;
}
