// The state of every lease this daemon issued or saw: live, released, revoked, expired, and what was used.

import type { Row, Store, TenantId, Tx } from '../../base/store/store.ts';
import { assertCheckedLease, makeCheckedLease } from './checked.ts';
import { holderOf, type Presented } from './holder.ts';
import type { PreparedLease } from './issue-lease.ts';
import {
  accountOf,
  countDescendant,
  countsAmounts,
  type LeaseAmounts,
  settleUse,
  takeUse,
} from './lease-account.ts';
import {
  type Ended,
  endedInStore,
  endedNow,
  holderOfRow,
  keyEnded,
  writeEnd,
} from './lease-ends.ts';
import { checkRow, refuseEnded, refuseHolder, refuseKey } from './lease-refusals.ts';
import {
  DEFAULT_TENANT,
  type EndedKey,
  endedKeyKey,
  endedKeyTable,
  holderKey,
  holderTable,
  type LeaseRow,
  leaseTable,
  revokedHolders,
} from './lease-table.ts';
import { type LeaseStatus, statusOf } from './lease-status.ts';
import type { ChainLink, CheckedLease } from './lease.ts';
import { useProofOf } from './use-proof.ts';
import { checkTimes, type VerifiedLease } from './verify-lease.ts';

export type { Presented } from './holder.ts';
export type { LeaseStatus } from './lease-status.ts';
export { type EndedKey, type LeaseRow, leaseTable } from './lease-table.ts';

/** Opens the book over a store that was opened with the tables `lease`, `meta` and `proof-replay`. */
export function openLeaseBook(store: Store): LeaseBook {
  return new LeaseBook(store);
}

/**
 * The store is the truth for content, state and counts. Which leases are live is also held in memory; it
 * only ever errs towards "not live": an end counts from the moment it is asked for, even if its commit
 * then fails.
 */
export class LeaseBook {
  readonly #store: Store;
  /** State key to the `exp` of leases that have not ended; expired ones are swept now and then. */
  readonly #live = new Map<string, number>();
  /** `TENANT/THUMBPRINT` of holders' keys that are not taken any more. */
  readonly #revokedHolders = new Set<string>();
  readonly #endListeners = new Set<(tenant: TenantId | undefined) => void>();
  #sweepAt = 1024;

  constructor(store: Store) {
    this.#store = store;
    store.read((reader) => {
      for (const { key, value } of reader.scan(leaseTable, undefined, ['state', 'active'])) {
        this.#live.set(key, value.claims.exp);
      }
      for (const { tenant, value } of revokedHolders(reader, undefined)) {
        this.#revokedHolders.add(`${tenant}/${value.jkt}`);
      }
    });
  }

  /** Writes the row of a new lease, before its signature is asked for. */
  record(tx: Tx, prepared: PreparedLease, agent: string): void {
    const { claims, digest, stateKey, parents, kid } = prepared;
    this.#sweep(claims.iat * 1000);
    this.#insert(tx, { stateKey, digest, claims, kid }, parents, agent);
  }

  /**
   * Makes the checked form of a verified lease: its root known here with this very content, none of its
   * chain ended, held by whom it is bound to. Spends nothing.
   *
   * @param now wall milliseconds.
   * @throws WarderError `lease-refused`.
   */
  check(verified: VerifiedLease, presented: Presented, now: number): CheckedLease {
    this.checkStanding(verified, now);
    const proof = 'proof' in presented ? presented.proof : undefined;
    return makeCheckedLease(verified.chain, holderOf(verified, presented), proof);
  }

  /**
   * What {@link check} asks besides who holds it.
   *
   * @param now wall milliseconds.
   * @throws WarderError `lease-refused`.
   */
  checkStanding({ claims, chain }: VerifiedLease, now: number): void {
    checkTimes(claims, now);
    this.#store.read((reader) => {
      for (const [depth, link] of chain.entries()) {
        const row = reader.get(leaseTable, claims.tenant, link.stateKey);
        if (row === undefined && depth > 0) continue;
        checkRow(row, link);
        if (!this.#live.has(link.stateKey)) refuseEnded();
      }
      if (keyEnded(reader, chain, now)) refuseKey();
    });
    this.#checkHolders(claims.tenant, chain);
  }

  /**
   * Takes one use, inside the transaction that writes the intent of a call, from the lease and from each
   * one it was made from; pins those that are seen for the first time; uses the proof up that came with it.
   *
   * @param most what the call may come to at most, besides the use.
   * @param call id of the call, to {@link settle} it by.
   * @throws WarderError `lease-refused` when it has ended, expired, or has too little left;
   *   `limit-reached` when its rate is reached.
   */
  spend(tx: Tx, lease: CheckedLease, now: number, most: LeaseAmounts = {}, call?: string): void {
    assertCheckedLease(lease);
    const { claims, chain } = lease;
    const { tenant } = claims;
    checkTimes(claims, now);
    this.#checkHolders(tenant, chain);
    const [root, ...children] = chain;
    if (root === undefined || !this.#live.has(root.stateKey)) refuseEnded();
    for (const [at, child] of children.entries()) this.#pin(tx, child, chain.slice(0, at + 1));
    if (keyEnded(tx, chain, now)) refuseKey();
    if (endedInStore(tx, lease)) refuseEnded();
    useProofOf(tx, lease, now);
    takeUse(tx, tenant, chain, most, now, call);
  }

  /** Fewest uses left of a lease and of those it was made from; undefined when none of them counts. */
  usesLeft({ claims: { tenant }, chain }: CheckedLease): number | undefined {
    return this.#store.read((reader) => {
      let least: number | undefined;
      for (const { stateKey, claims } of chain) {
        if (claims.max_uses === undefined) continue;
        const left = Math.max(0, claims.max_uses - accountOf(reader, tenant, stateKey).uses);
        least = Math.min(least ?? left, left);
      }
      return least;
    });
  }

  /** Replaces what a call held at most by what it took, in the transaction of its outcome. */
  settle(tx: Tx, lease: CheckedLease, call: string, used: LeaseAmounts): void {
    if (countsAmounts(lease.chain)) settleUse(tx, lease.claims.tenant, call, used);
  }

  /**
   * Whether a running call may still act under this lease: no lease of its chain has ended. Looks at the
   * store too, which another process may have written to. A lease from elsewhere lives from its first use.
   */
  isLive(lease: CheckedLease, now: number): boolean {
    assertCheckedLease(lease);
    const { nbf, exp, tenant } = lease.claims;
    if (!(now >= nbf * 1000 && now < exp * 1000)) return false;
    for (const { stateKey, jkt } of lease.chain) {
      if (!this.#live.has(stateKey)) return false;
      if (jkt !== undefined && this.#revokedHolders.has(`${tenant}/${jkt}`)) return false;
    }
    return !this.#store.read(
      (reader) => endedInStore(reader, lease) || keyEnded(reader, lease.chain, now),
    );
  }

  /** Whether it ended with the daemon's key it is signed with, and not for anything its holder did. */
  endedWithKey(lease: CheckedLease, now: number): boolean {
    assertCheckedLease(lease);
    return this.#store.read(
      (reader) => keyEnded(reader, lease.chain, now) && !endedInStore(reader, lease),
    );
  }

  /**
   * Tells `listener` whenever something ends that a revocation list names, in the transaction that says so:
   * it may yet fail. Returns the way to stop.
   *
   * @param listener is given the tenant; nothing when it is every tenant.
   */
  onEnd(listener: (tenant: TenantId | undefined) => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  /** Leases under a key of the daemon that was rotated count to the end of its grace, or no more at all. */
  endKey(tx: Tx, kid: string, end: EndedKey): void {
    tx.put(endedKeyTable, DEFAULT_TENANT, endedKeyKey(kid), end);
    this.#tellEnd(undefined);
  }

  /**
   * Ends a lease, and with it all that were made from it, against its holder's will. Holds from this
   * moment; ending an ended one changes nothing.
   *
   * @throws WarderError `not-found`.
   */
  revoke(tx: Tx, tenant: TenantId, stateKey: string, reason: string, now: number): LeaseRow {
    return this.#end(tx, tenant, stateKey, 'revoked', reason, now);
  }

  /**
   * Ends every lease of a principal.
   *
   * @returns state keys of those that had not ended.
   */
  revokeSubject(
    tx: Tx,
    tenant: TenantId,
    subject: string,
    reason: string,
    now: number,
  ): readonly string[] {
    const rows = tx.scan(leaseTable, tenant, ['subject', subject]);
    return this.#endAll(tx, tenant, rows, reason, now);
  }

  /**
   * Takes a holder's key out of use: every lease bound to it, or made from one that is, here known or not.
   *
   * @param jkt RFC 7638 thumbprint.
   * @returns state keys of the known ones that had not ended.
   */
  revokeHolder(
    tx: Tx,
    tenant: TenantId,
    jkt: string,
    reason: string,
    now: number,
  ): readonly string[] {
    this.#revokedHolders.add(`${tenant}/${jkt}`);
    tx.put(holderTable, tenant, holderKey(jkt), { jkt, reason, at: now });
    this.#tellEnd(tenant);
    const rows = [...tx.scan(leaseTable, tenant, ['state', 'active'])].filter(
      ({ value }) => holderOfRow(value) === jkt,
    );
    return this.#endAll(tx, tenant, rows, reason, now);
  }

  /**
   * Ends every lease of a tenant.
   *
   * @returns state keys of those that had not ended.
   */
  revokeAll(tx: Tx, tenant: TenantId, reason: string, now: number): readonly string[] {
    const rows = tx.scan(leaseTable, tenant, ['state', 'active']);
    return this.#endAll(tx, tenant, rows, reason, now);
  }

  /** Ends a lease that its holder gives back. */
  release(tx: Tx, lease: CheckedLease, now: number): LeaseRow {
    assertCheckedLease(lease);
    return this.giveBack(tx, lease.claims.tenant, lease.stateKey, now);
  }

  /**
   * The same for whoever asked for it, without the lease itself.
   *
   * @throws WarderError `not-found`.
   */
  giveBack(tx: Tx, tenant: TenantId, stateKey: string, now: number): LeaseRow {
    return this.#end(tx, tenant, stateKey, 'released', undefined, now);
  }

  /**
   * Takes a lease that was prepared anew, later end and all, in the place of what it was. What it was
   * holds on to its own end. Uses the proof up that came with it.
   *
   * @throws WarderError `lease-refused` when it has ended.
   */
  renew(tx: Tx, lease: CheckedLease, prepared: PreparedLease, now: number): void {
    assertCheckedLease(lease);
    const { stateKey, claims } = lease;
    const row = tx.get(leaseTable, claims.tenant, stateKey);
    if (row?.state !== 'active' || !this.isLive(lease, now)) refuseEnded();
    if (prepared.stateKey !== stateKey) throw new TypeError('a renewal of another lease');
    useProofOf(tx, lease, now);
    const { digest } = prepared;
    const { kid } = prepared;
    const renewed = { ...row, claims: prepared.claims, digest, kid, former: row.digest };
    tx.put(leaseTable, claims.tenant, stateKey, renewed);
    this.#live.set(stateKey, prepared.claims.exp);
  }

  /** One lease, by its state key. */
  find(tenant: TenantId, stateKey: string, now: number): LeaseStatus | undefined {
    return this.#store.read((reader) => {
      const value = reader.get(leaseTable, tenant, stateKey);
      return value && statusOf(reader, { tenant, key: stateKey, value }, now);
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
    by?: readonly ['subject' | 'state', string],
    limit = 1000,
  ): readonly LeaseStatus[] {
    return this.#store.read((reader) =>
      reader
        .list(leaseTable, tenant, { limit, ...(by === undefined ? {} : { index: by }) })
        .map((row) => statusOf(reader, row, now))
        .sort((a, b) => b.claims.iat - a.claims.iat),
    );
  }

  /** What a revocation list of a tenant names now. */
  ended(tenant: TenantId, now: number): Ended {
    return this.#store.read((reader) => endedNow(reader, tenant, now));
  }

  /** Keeps a lease that a holder made and that is seen for the first time; later it has to be the same. */
  #pin(tx: Tx, child: ChainLink, parents: readonly ChainLink[]): void {
    const { tenant } = child.claims;
    const row = tx.get(leaseTable, tenant, child.stateKey);
    if (row === undefined) {
      const agent = tx.get(leaseTable, tenant, parents[0]?.stateKey ?? '')?.agent ?? '';
      this.#insert(tx, child, parents, agent);
      return;
    }
    checkRow(row, child);
    if (!this.#live.has(child.stateKey)) refuseEnded();
  }

  #insert(tx: Tx, link: ChainLink, parents: readonly ChainLink[], agent: string): void {
    const { stateKey, digest, claims, kid } = link;
    countDescendant(tx, claims.tenant, parents);
    const ancestors = parents.map((parent) => parent.stateKey);
    tx.insert(leaseTable, claims.tenant, stateKey, {
      agent,
      claims,
      digest,
      ...(kid === undefined ? {} : { kid }),
      state: 'active',
      ...(ancestors.length === 0 ? {} : { ancestors }),
    });
    this.#live.set(stateKey, claims.exp);
  }

  #checkHolders(tenant: TenantId, chain: readonly ChainLink[]): void {
    for (const { jkt } of chain) {
      if (jkt !== undefined && this.#revokedHolders.has(`${tenant}/${jkt}`)) {
        refuseHolder();
      }
    }
  }

  #endAll(
    tx: Tx,
    tenant: TenantId,
    rows: Iterable<Row<LeaseRow>>,
    reason: string,
    now: number,
  ): readonly string[] {
    const open = [...rows]
      .filter(({ value }) => value.state === 'active' && now < value.claims.exp * 1000)
      .map(({ key }) => key);
    for (const key of open) this.#end(tx, tenant, key, 'revoked', reason, now);
    return open;
  }

  #end(
    tx: Tx,
    tenant: TenantId,
    stateKey: string,
    state: 'released' | 'revoked',
    reason: string | undefined,
    at: number,
  ): LeaseRow {
    const end = { state, at, ...(reason === undefined ? {} : { reason }) };
    const { row, listed } = writeEnd(tx, tenant, stateKey, end);
    this.#live.delete(stateKey);
    if (listed) this.#tellEnd(tenant);
    return row;
  }

  #tellEnd(tenant: TenantId | undefined): void {
    for (const listener of this.#endListeners) listener(tenant);
  }

  #sweep(now: number): void {
    if (this.#live.size < this.#sweepAt) return;
    for (const [key, exp] of this.#live) if (now >= exp * 1000) this.#live.delete(key);
    this.#sweepAt = Math.max(1024, this.#live.size * 2);
  }
}
