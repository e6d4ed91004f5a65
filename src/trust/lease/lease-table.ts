// The rows of leases: what was issued or seen, what ended, and which holders' keys are not taken any more.

import type { Reader, Row, Table, TenantId } from '../../base/store/store.ts';
import type { LeaseClaims } from './lease.ts';

/** A lease as kept; the key is its state key. The token itself is not kept. */
export interface LeaseRow {
  /** Whose channel it was issued on; of a delegated one, its root. */
  readonly agent: string;
  readonly claims: LeaseClaims;
  /** SHA-256 of the signing input, hex: only this content has this state. */
  readonly digest: string;
  /** The content before it was last signed anew, which holds until its own end. */
  readonly former?: string;
  readonly state: 'active' | 'released' | 'revoked';
  /** Wall milliseconds of release or revocation. */
  readonly endedAt?: number;
  readonly reason?: string;
  /** State keys of the leases it was made from, the root first. */
  readonly ancestors?: readonly string[];
}

/** The table `lease` of the store. */
export const leaseTable: Table<LeaseRow> = {
  name: 'lease',
  indexes: {
    subject: (row) => row.claims.sub,
    state: (row) => row.state,
  },
};

/** Says that a lease has ended, in a row that host calls can look for cheaply. */
export const endTable: Table<{ readonly at: number }> = { name: 'meta', indexes: {} };
export const endKey = (stateKey: string): string => `lease-end/${stateKey}`;

/** A holder's key that is not taken any more, in any lease. */
export interface RevokedHolder {
  readonly jkt: string;
  readonly at: number;
  readonly reason: string;
}
export const holderTable: Table<RevokedHolder> = { name: 'meta', indexes: {} };
const HOLDERS = 'lease-holder/';
export const holderKey = (jkt: string): string => `${HOLDERS}${jkt}`;

const PAGE = 1000;

/** All rows with a value of an index, page by page: there may be more than one query gives. */
export function* leaseRows(
  reader: Reader,
  tenant: TenantId | undefined,
  index: readonly ['subject' | 'state', string],
): Generator<Row<LeaseRow>> {
  for (let after: string | undefined; ;) {
    const query = { index, limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page = reader.list(leaseTable, tenant, query);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.key;
  }
}

/** All keys of holders that are not taken any more. */
export function* revokedHolders(
  reader: Reader,
  tenant: TenantId | undefined,
): Generator<Row<RevokedHolder>> {
  for (let after: string | undefined; ;) {
    const query = { keyPrefix: HOLDERS, limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page = reader.list(holderTable, tenant, query);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.key;
  }
}
