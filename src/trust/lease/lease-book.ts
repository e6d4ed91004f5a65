// The state of every lease this daemon issued: live, released, revoked, expired, and how often it was used.

import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Row, Store, Table, TenantId, Tx } from '../../base/store/store.ts';
import { assertCheckedLease, makeCheckedLease } from './checked.ts';
import type { PreparedLease } from './issue-lease.ts';
import type { CheckedLease, LeaseClaims } from './lease.ts';
import { checkTimes, type VerifiedLease } from './verify-lease.ts';

/** A lease as kept; the key is its state key. The token itself is not kept. */
export interface LeaseRow {
  /** Whose channel it was issued on. */
  readonly agent: string;
  readonly claims: LeaseClaims;
  /** SHA-256 of the signing input, hex: only this content has this state. */
  readonly digest: string;
  readonly state: 'active' | 'released' | 'revoked';
  /** Wall milliseconds of release or revocation. */
  readonly endedAt?: number;
  readonly reason?: string;
}

/** A lease for lists. */
export interface LeaseStatus extends Omit<LeaseRow, 'state'> {
  readonly stateKey: string;
  readonly tenant: TenantId;
  readonly state: LeaseRow['state'] | 'expired';
  readonly uses: number;
}

/** How the bearer of a token shows that it is the holder. */
export type Presented = { readonly connection: string } | { readonly bearer: true };

/** The table `lease` of the store. */
export const leaseTable: Table<LeaseRow> = {
  name: 'lease',
  indexes: {
    agent: (row) => row.agent,
    subject: (row) => row.claims.sub,
    state: (row) => row.state,
  },
};

/** Uses are counted apart from the row: a small one, without indexes, for what every call writes. */
const usesTable: Table<{ readonly uses: number }> = { name: 'meta', indexes: {} };

const usesKey = (stateKey: string): string => `lease-uses/${stateKey}`;

/** Opens the book over a store that was opened with the tables `lease` and `meta`. */
export function openLeaseBook(store: Store): LeaseBook {
  return new LeaseBook(store);
}

/**
 * The store is the truth for content, state and uses. Which leases are live is also held in memory, for
 * host calls of running tools; it only ever errs towards "not live": an end counts from the moment it
 * is asked for, even if its commit then fails.
 */
export class LeaseBook {
  readonly #store: Store;
  /** State key to the claims of leases that have not ended; expired ones are swept now and then. */
  readonly #live = new Map<string, LeaseClaims>();
  #sweepAt = 1024;

  constructor(store: Store) {
    this.#store = store;
    for (const row of store.read(activeLeases)) this.#live.set(row.key, row.value.claims);
  }

  /** Writes the row of a new lease, before its signature is asked for. */
  record(tx: Tx, prepared: PreparedLease, agent: string): void {
    const { claims, digest, stateKey } = prepared;
    tx.insert(leaseTable, claims.tenant, stateKey, { agent, claims, digest, state: 'active' });
    this.#sweep(claims.iat * 1000);
    this.#live.set(stateKey, claims);
  }

  /**
   * Makes the checked form of a verified lease: known here with this very content, not ended, held by
   * whom it is bound to.
   *
   * @param now wall milliseconds.
   * @throws WarderError `lease-refused`.
   */
  check(verified: VerifiedLease, presented: Presented, now: number): CheckedLease {
    const { claims, digest, stateKey } = verified;
    const row = this.#store.read((reader) => reader.get(leaseTable, claims.tenant, stateKey));
    if (row?.digest !== digest) refuse('is not one this daemon issued', 'ask for a new lease');
    const holder = holderOf(claims, presented);
    this.#checkLive(stateKey, claims, now);
    if (row.state !== 'active') refuse(`was ${row.state}`, 'ask for a new lease');
    return makeCheckedLease(stateKey, claims, holder);
  }

  /**
   * Counts one use inside the transaction that writes the intent of a call.
   *
   * @throws WarderError `lease-refused` when it has ended, expired, or has no use left.
   */
  spend(tx: Tx, lease: CheckedLease, now: number): void {
    assertCheckedLease(lease);
    const { claims, stateKey } = lease;
    this.#checkLive(stateKey, claims, now);
    const uses = usesOf(tx, claims.tenant, stateKey);
    if (claims.max_uses !== undefined && uses >= claims.max_uses) {
      refuse(`has no use left of ${claims.max_uses}`, 'ask for a new lease');
    }
    tx.put(usesTable, claims.tenant, usesKey(stateKey), { uses: uses + 1 });
  }

  /** Whether a running call may still act under this lease. Memory only. */
  isLive(lease: CheckedLease, now: number): boolean {
    assertCheckedLease(lease);
    const { nbf, exp } = lease.claims;
    return this.#live.has(lease.stateKey) && now >= nbf * 1000 && now < exp * 1000;
  }

  /**
   * Ends a lease against its holder's will. Holds from this moment; ending an ended one changes nothing.
   *
   * @throws WarderError `not-found`.
   */
  revoke(tx: Tx, tenant: TenantId, stateKey: string, reason: string, now: number): LeaseRow {
    return this.#end(tx, tenant, stateKey, 'revoked', reason, now);
  }

  /** Ends a lease that its holder gives back. */
  release(tx: Tx, lease: CheckedLease, now: number): LeaseRow {
    assertCheckedLease(lease);
    return this.#end(tx, lease.claims.tenant, lease.stateKey, 'released', undefined, now);
  }

  /** One lease, by its state key. */
  find(tenant: TenantId, stateKey: string, now: number): LeaseStatus | undefined {
    return this.#store.read((reader) => {
      const value = reader.get(leaseTable, tenant, stateKey);
      return value && status(reader, { tenant, key: stateKey, value }, now);
    });
  }

  /**
   * Leases of one tenant, or of all; newest first, at most `limit`.
   *
   * @param by an index of the table and its value.
   */
  list(
    tenant: TenantId | undefined,
    now: number,
    by?: readonly ['agent' | 'subject' | 'state', string],
    limit = 1000,
  ): readonly LeaseStatus[] {
    return this.#store.read((reader) =>
      reader
        .list(leaseTable, tenant, { limit, ...(by === undefined ? {} : { index: by }) })
        .map((row) => status(reader, row, now))
        .sort((a, b) => b.claims.iat - a.claims.iat),
    );
  }

  #end(
    tx: Tx,
    tenant: TenantId,
    stateKey: string,
    state: 'released' | 'revoked',
    reason: string | undefined,
    now: number,
  ): LeaseRow {
    const row = tx.get(leaseTable, tenant, stateKey);
    if (row === undefined) {
      throw new WarderError('not-found', `there is no lease \`${stateKey.slice(0, 64)}\``, {
        hint: 'list them with `warder lease list`',
      });
    }
    this.#live.delete(stateKey);
    // A revocation stays one, whoever releases the lease afterwards.
    if (row.state === 'revoked' || row.state === state) return row;
    const ended = { ...row, state, endedAt: now, ...(reason === undefined ? {} : { reason }) };
    tx.put(leaseTable, tenant, stateKey, ended);
    return ended;
  }

  #checkLive(stateKey: string, claims: LeaseClaims, now: number): void {
    checkTimes(claims, now);
    if (!this.#live.has(stateKey)) {
      refuse('was revoked or released', 'ask for a new lease, or open a new connection');
    }
  }

  #sweep(now: number): void {
    if (this.#live.size < this.#sweepAt) return;
    for (const [key, { exp }] of this.#live) if (now >= exp * 1000) this.#live.delete(key);
    this.#sweepAt = Math.max(1024, this.#live.size * 2);
  }
}

/** All rows that were not ended, page by page: there may be more than one query gives. */
function* activePages(reader: Reader): Generator<Row<LeaseRow>> {
  const limit = 1000;
  for (let after: string | undefined; ;) {
    const page = reader.list(leaseTable, undefined, {
      index: ['state', 'active'],
      limit,
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    if (page.length < limit) return;
    after = page.at(-1)?.key;
  }
}

function activeLeases(reader: Reader): Row<LeaseRow>[] {
  return [...activePages(reader)];
}

function usesOf(reader: Reader, tenant: TenantId, stateKey: string): number {
  return reader.get(usesTable, tenant, usesKey(stateKey))?.uses ?? 0;
}

function status(reader: Reader, row: Row<LeaseRow>, now: number): LeaseStatus {
  const { tenant, key, value } = row;
  const expired = value.state === 'active' && now >= value.claims.exp * 1000;
  const uses = usesOf(reader, tenant, key);
  return { ...value, stateKey: key, tenant, uses, state: expired ? 'expired' : value.state };
}

/** A bound lease sent as bearer is refused, and so is one bound to another connection. */
function holderOf(claims: LeaseClaims, presented: Presented): CheckedLease['holder'] {
  const { cnf } = claims;
  if (cnf === undefined && 'bearer' in presented) return 'bearer';
  if (cnf !== undefined && 'conn' in cnf) {
    if ('connection' in presented && presented.connection === cnf.conn) return 'connection';
    refuse('is bound to another connection', 'use it where it was issued');
  }
  if (cnf !== undefined) {
    refuse('is bound to a key, which this version cannot check', 'use a connection-bound lease');
  }
  return refuse(
    'is a bearer lease, which a connection does not present',
    'send it as a credential',
  );
}

function refuse(why: string, hint: string): never {
  throw new WarderError('lease-refused', `the lease ${why}`, { hint });
}
