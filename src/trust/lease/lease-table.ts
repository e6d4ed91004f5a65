// The rows of leases: what was issued or seen, what ended, and which keys are not taken any more.

import type { Reader, Row, Table, TenantId, Tx } from '../../base/store/store.ts';
import type { LeaseClaims } from './lease.ts';

/** The tenant of whoever has no other. */
export const DEFAULT_TENANT = 'default';

/** A lease as kept; the key is its state key. The token itself is not kept. */
export interface LeaseRow {
  /** Whose channel it was issued on; of a delegated one, its root. */
  readonly agent: string;
  readonly claims: LeaseClaims;
  /** SHA-256 of the signing input, hex: only this content has this state. */
  readonly digest: string;
  /** The daemon's key it is signed with; absent from those that holders signed. */
  readonly kid?: string;
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

/** An ended lease that somebody might still take who is offline; in order of expiry. */
export const listedTable: Table<Readonly<Record<string, never>>> = { name: 'meta', indexes: {} };
const LISTED = 'lease-ended/';
const listedFrom = (exp: number): string => `${LISTED}${String(exp).padStart(10, '0')}/`;
export const listedKey = (exp: number, stateKey: string): string => listedFrom(exp) + stateKey;

/** A key of the daemon that was rotated. Times are wall milliseconds. */
export interface EndedKey {
  readonly at: number;
  /** From then on no lease under it counts. */
  readonly until: number;
  readonly compromised?: true;
}
/** One row per key, under the tenant `default`: keys are the home's. */
export const endedKeyTable: Table<EndedKey> = { name: 'meta', indexes: {} };
const ENDED_KEYS = 'lease-key/';
export const endedKeyKey = (kid: string): string => `${ENDED_KEYS}${kid}`;

const PAGE = 1000;

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

/** State keys of ended leases that have not expired, soonest to expire first. */
export function* listedLeases(reader: Reader, tenant: TenantId, now: number): Generator<string> {
  for (let after = listedFrom(Math.floor(now / 1000)) + '~'; ;) {
    const page = reader.list(listedTable, tenant, { keyPrefix: LISTED, limit: PAGE, after });
    for (const { key } of page) yield key.slice(key.lastIndexOf('/') + 1);
    if (page.length < PAGE) return;
    after = page.at(-1)?.key ?? '';
  }
}

/** Takes rows away that no list needs any more, a few at a time. */
export function sweepListed(tx: Tx, tenant: TenantId, now: number): void {
  const last = listedFrom(Math.floor(now / 1000)) + '~';
  for (const { key } of tx.list(listedTable, tenant, { keyPrefix: LISTED, limit: 100 })) {
    if (key <= last) tx.delete(listedTable, tenant, key);
  }
}

/** Keys of the daemon that were compromised, with when that was said. */
export function compromisedKeys(reader: Reader): readonly { kid: string; at: number }[] {
  return reader
    .list(endedKeyTable, DEFAULT_TENANT, { keyPrefix: ENDED_KEYS, limit: PAGE })
    .filter(({ value }) => value.compromised === true)
    .map(({ key, value }) => ({ kid: key.slice(ENDED_KEYS.length), at: value.at }));
}
