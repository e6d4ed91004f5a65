// Keeps a current revocation list of every tenant: signed anew when something ends, and before it runs out.

import { sha256Text } from '../../base/encoding/sha256.ts';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Store, Table, TenantId, Tx } from '../../base/store/store.ts';
import type { Signer } from '../signer/signer.ts';
import type { LeaseBook } from './lease-book.ts';
import { DEFAULT_TENANT, sweepListed } from './lease-table.ts';
import { type Revocations, revocationsDigest, signRevocations } from './revocation-list.ts';

/** The last list of a tenant. Times are NumericDate seconds. */
export interface RevocationListRow {
  readonly seq: number;
  readonly iat: number;
  readonly nextUpdate: number;
  /** The list, signed. */
  readonly text: string;
  /** Thumbprint of the key it is signed with. */
  readonly kid: string;
  /** SHA-256 of what it names, hex. */
  readonly names: string;
}

/** One row per tenant. */
export const revocationListTable: Table<RevocationListRow> = {
  name: 'revocation-list',
  indexes: {},
};
const CURRENT = 'current';

/** A list that was signed, for its receipt. */
export interface SignedList {
  readonly tenant: TenantId;
  readonly list: Revocations;
  /** SHA-256 of the list as signed, hex. */
  readonly digest: string;
}

/** How it is with a tenant's list. */
export interface RevocationListState {
  readonly tenant: TenantId;
  readonly current?: RevocationListRow;
  /** Why the last attempt to sign the next one failed, if it did. */
  readonly problem?: WarderError;
}

export interface RevocationListParts {
  readonly store: Store;
  readonly book: LeaseBook;
  /** The key that signs lists now. */
  signer(): Signer;
  /** The daemon's log origin. */
  readonly origin: string;
  /** Tenants that have a list from the start. */
  readonly tenants: readonly TenantId[];
  /** How long a list of a tenant holds, seconds. */
  lifeSeconds(tenant: TenantId): number;
  /** Wall milliseconds. */
  now(): number;
  /** Runs the change and appends the receipt of the list in one commit; resolves when durable. */
  record(change: (tx: Tx, now: number) => SignedList): Promise<void>;
  /** Puts a list where verifiers fetch it, whole or not at all. */
  place(tenant: TenantId, text: string): Promise<void>;
  /** Resolves after that many milliseconds, or as soon as the signal is aborted; never rejects. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** A list is signed anew when so much of its life is over. */
const RENEW_AT = 0.5;
/** Ends that come together share a list, and lists leave the signer to leases. */
const REST_MS = 100;
const BACK_OFF_MS = 5_000;

/**
 * The lists of a home. When one cannot be signed the one before it runs out, and verifiers that are offline
 * take no lease any more.
 */
export class RevocationLists {
  readonly #parts: RevocationListParts;
  readonly #current = new Map<TenantId, RevocationListRow>();
  readonly #problems = new Map<TenantId, WarderError>();
  /** Tenants whose list has to be looked at. */
  readonly #due = new Set<TenantId>();
  readonly #unlisten: () => void;
  #turn: Promise<unknown> = Promise.resolve();
  #running: Promise<void> | undefined;
  #wake = new AbortController();
  readonly #closing = new AbortController();

  /** Signs nothing until {@link RevocationLists.start}. */
  constructor(parts: RevocationListParts) {
    this.#parts = parts;
    const rows = parts.store.read((reader) => reader.list(revocationListTable, undefined));
    for (const { tenant, value } of rows) this.#current.set(tenant, value);
    this.#unlisten = parts.book.onEnd((tenant) => this.#changed(tenant));
  }

  /** From now on every tenant has a list. */
  start(): void {
    for (const tenant of this.tenants) this.#due.add(tenant);
    this.#running ??= this.#run();
  }

  /** How it is with each tenant's list. */
  states(): readonly RevocationListState[] {
    return this.tenants.map((tenant) => {
      const current = this.#current.get(tenant);
      const problem = this.#problems.get(tenant);
      return {
        tenant,
        ...(current === undefined ? {} : { current }),
        ...(problem === undefined ? {} : { problem }),
      };
    });
  }

  /**
   * The list of a tenant that says everything that is durable now.
   *
   * @throws WarderError `not-found` for a tenant without a list; whatever keeps it from being signed.
   */
  async latest(tenant: TenantId): Promise<RevocationListRow> {
    if (!this.tenants.includes(tenant)) {
      throw new WarderError('not-found', `there is no tenant \`${tenant.slice(0, 64)}\``, {
        hint: `one of ${this.tenants.join(', ')}`,
      });
    }
    await this.#refresh(tenant);
    const current = this.#current.get(tenant);
    if (current === undefined) throw new WarderError('internal', 'a list that was signed is gone');
    return current;
  }

  /** Signs every list anew: the key that signs them is another. */
  async resign(): Promise<void> {
    await Promise.all(this.tenants.map((tenant) => this.#refresh(tenant)));
  }

  /** Ends after the list under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#unlisten();
    this.#wake.abort();
    await this.#running;
    await this.#turn;
  }

  /** Tenants that have a list. */
  get tenants(): readonly TenantId[] {
    return [...new Set([...this.#parts.tenants, ...this.#current.keys()])].sort();
  }

  /** @param tenant all when absent. */
  #changed(tenant: TenantId | undefined): void {
    for (const each of tenant === undefined ? this.tenants : [tenant]) this.#due.add(each);
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { pause, now } = this.#parts;
    const closing = this.#closing.signal;
    while (!closing.aborted) {
      this.#wake = new AbortController();
      const due = [...this.#due];
      this.#due.clear();
      for (const tenant of due) await this.#refresh(tenant).catch(() => undefined);
      if (closing.aborted) return;
      await pause(REST_MS, closing);
      let wait = BACK_OFF_MS;
      try {
        wait = this.#untilRenewal(now());
      } catch {
        // The clock was set back: looked at again soon.
      }
      if (this.#due.size === 0 && !closing.aborted) await pause(wait, this.#wake.signal);
      for (const tenant of this.tenants) this.#due.add(tenant);
    }
  }

  #untilRenewal(now: number): number {
    if (this.#problems.size > 0) return BACK_OFF_MS;
    const due = [...this.#current.values()].map((row) => renewalOf(row) - now);
    return Math.max(REST_MS, Math.min(...due, 3_600_000));
  }

  /** One at a time; whoever comes meanwhile sees what was durable when it came. */
  #refresh(tenant: TenantId): Promise<void> {
    const turn = this.#turn.then(async () => {
      try {
        await this.#publish(tenant);
        this.#problems.delete(tenant);
      } catch (thrown) {
        this.#problems.set(tenant, asWarderError(thrown));
        throw thrown;
      }
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #publish(tenant: TenantId): Promise<void> {
    const { store, book, signer, origin, lifeSeconds, now, record, place } = this.#parts;
    // What was asked for before is durable after this, and then what is read holds it.
    await store.commit(() => undefined);
    const wall = now();
    const { keys, ...ended } = book.ended(tenant, wall);
    const named = { ...ended, ...(keys.length === 0 ? {} : { keys }) };
    const names = sha256Text(canonicalJson(named), 'hex');
    const by = signer();
    const last = this.#current.get(tenant);
    const holds = last !== undefined && wall < renewalOf(last) && wall >= last.iat * 1000;
    if (holds && last.names === names && last.kid === by.key.kid) {
      await place(tenant, last.text);
      return;
    }
    const iat = Math.floor(wall / 1000);
    const unnumbered = {
      iss: origin,
      ...(tenant === DEFAULT_TENANT ? {} : { tenant }),
      iat,
      nextUpdate: iat + lifeSeconds(tenant),
      ...named,
    };
    const { list, text } = await this.#sign({ ...unnumbered, seq: (last?.seq ?? 0) + 1 }, by);
    const row: RevocationListRow = {
      seq: list.seq,
      iat,
      nextUpdate: list.nextUpdate,
      text,
      kid: by.key.kid,
      names,
    };
    // In the log before anybody has it.
    await record((tx, time) => {
      const stored = tx.get(revocationListTable, tenant, CURRENT);
      if (stored !== undefined && stored.seq >= row.seq) {
        throw new WarderError('conflict', 'a later revocation list is in the store');
      }
      tx.put(revocationListTable, tenant, CURRENT, row);
      sweepListed(tx, tenant, time);
      return { tenant, list, digest: revocationsDigest(text) };
    });
    this.#current.set(tenant, row);
    await place(tenant, text);
  }

  async #sign(
    list: Revocations,
    signer: Signer,
  ): Promise<{ readonly list: Revocations; readonly text: string }> {
    try {
      return { list, text: await signRevocations(list, signer) };
    } catch (thrown) {
      // The signer remembers a later one, e.g. when the store was brought back from a backup.
      const signed = asWarderError(thrown).data['signedSeq'];
      if (typeof signed !== 'number' || signed < list.seq) throw thrown;
      const later = { ...list, seq: signed + 1 };
      return { list: later, text: await signRevocations(later, signer) };
    }
  }
}

/** When a list is to be signed anew, wall milliseconds. */
function renewalOf({ iat, nextUpdate }: RevocationListRow): number {
  return (iat + (nextUpdate - iat) * RENEW_AT) * 1000;
}
