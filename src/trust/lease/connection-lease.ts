// The lease of one connection: issued when first needed, renewed before it runs out, released at the end.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { TenantId, Tx } from '../../base/store/store.ts';
import type { Signer } from '../signer/signer.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { type LeaseLeaf, prepareLease, signLease } from './issue-lease.ts';
import type { LeaseBook } from './lease-book.ts';
import type { Capability, CheckedLease, LeaseClaims } from './lease.ts';
import { verifyLease } from './verify-lease.ts';

/** Something that happened to a lease, for its receipt. */
export interface LeaseEvent {
  readonly outcome: 'issued' | 'released';
  readonly agent: string;
  readonly stateKey: string;
  readonly claims: LeaseClaims;
  /** SHA-256 of the signing input, hex. */
  readonly digest: string;
}

/** What issuing takes. */
export interface LeaseOffice {
  readonly book: LeaseBook;
  readonly signer: Signer;
  /** The keys leases of this daemon verify under. */
  readonly keys: TrustedKeys;
  /** The daemon's log origin. */
  readonly origin: string;
  /** Unpredictable bytes, handed in. */
  random(length: number): Uint8Array;
  /** Runs the change and appends the receipt of the event in one commit; resolves when durable. */
  record(change: (tx: Tx) => LeaseEvent): Promise<LeaseLeaf>;
}

/** Who is connected, and what they may have. */
export interface ConnectionTerms {
  readonly agent: string;
  /** Id of the connection, 1 to 64 of `A-Za-z0-9_-`. */
  readonly connection: string;
  readonly principal: string;
  readonly tenant: TenantId;
  readonly capabilities: readonly Capability[];
  readonly ttlSeconds: number;
  /** Seconds: latest end; nothing is issued after it. */
  readonly until?: number;
  readonly maxUses?: number;
  readonly task?: string;
}

/** A lease that lives as long as its connection. */
export interface ConnectionLease {
  /**
   * The lease to use now; the same object until it is renewed.
   *
   * @param now wall milliseconds.
   * @throws WarderError `lease-refused` after release, or once it was revoked: a revoked lease is not
   *   renewed; `unavailable` when row, receipt or signature cannot be had.
   */
  current(now: number): Promise<CheckedLease>;
  /** Ends it; later calls are refused. Never rejects: what cannot be written expires by itself. */
  release(now?: number): Promise<void>;
}

/** Renewed when less than this, or a quarter of its life, is left: a call started now should end under it. */
const RENEW_MS = 30_000;

/** Prepares the lease of a connection; nothing is issued yet. */
export function connectionLease(office: LeaseOffice, terms: ConnectionTerms): ConnectionLease {
  return new IssuedOnDemand(office, terms);
}

interface Held {
  readonly lease: CheckedLease;
  readonly digest: string;
}

class IssuedOnDemand implements ConnectionLease {
  readonly #office: LeaseOffice;
  readonly #terms: ConnectionTerms;
  #held: Held | undefined;
  #issuing: Promise<Held> | undefined;
  #released = false;
  /** Wall milliseconds last handed in. */
  #now = 0;

  constructor(office: LeaseOffice, terms: ConnectionTerms) {
    this.#office = office;
    this.#terms = terms;
  }

  async current(now: number): Promise<CheckedLease> {
    this.#now = Math.max(this.#now, now);
    if (this.#released) refuseEnded();
    const held = this.#held;
    if (held !== undefined) {
      const { lease } = held;
      const { exp } = lease.claims;
      const live = now < exp * 1000 && this.#office.book.isLive(lease, now);
      // Once it nears its end there is another, unless there will be no longer one.
      const lasts = now < exp * 1000 - this.#margin() || exp === this.#terms.until;
      if (live && lasts) return lease;
      // Ended with its key alone, it is issued anew: the connection is as good as before.
      if (!this.#office.book.endedWithKey(lease, now)) {
        if (now < exp * 1000 && !live) refuseEnded();
        // One that was revoked and has expired since looks merely expired from memory.
        const row = this.#office.book.find(lease.claims.tenant, lease.stateKey, now);
        if (row?.state !== 'active' && row?.state !== 'expired') refuseEnded();
      }
    }
    // Calls that come meanwhile wait for the same lease.
    this.#issuing ??= this.#issue(now).finally(() => {
      this.#issuing = undefined;
    });
    try {
      return (await this.#issuing).lease;
    } catch (error) {
      // One that still holds is better than none.
      const old = this.#held?.lease;
      if (old !== undefined && !this.#released && this.#office.book.isLive(old, now)) return old;
      throw error;
    }
  }

  async release(now: number = this.#now): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    try {
      await this.#issuing;
    } catch {
      // Nothing was issued: nothing to end.
    }
    if (this.#held !== undefined) await this.#end(this.#held, now);
  }

  async #issue(now: number): Promise<Held> {
    const { book, origin, signer, keys } = this.#office;
    const { agent, connection } = this.#terms;
    const { until = Infinity, ...wanted } = this.#terms;
    const ttlSeconds = Math.min(wanted.ttlSeconds, until - Math.floor(now / 1000));
    if (ttlSeconds < 1) refuseOver();
    const terms = { ...wanted, ttlSeconds, origin, cnf: { conn: connection } };
    const prepared = prepareLease(terms, signer.key, now, this.#office.random(16));
    const receipt = await this.#office.record((tx) => {
      book.record(tx, prepared, agent);
      const { claims, digest, stateKey } = prepared;
      return { outcome: 'issued', agent, stateKey, claims, digest };
    });
    // Back through the front door: what was just issued is believed no more than what is handed in.
    const token = await signLease(prepared, signer, receipt);
    const verified = await verifyLease(token, keys, { now, audience: origin });
    const lease = book.check(verified, { connection }, now);
    this.#held = { lease, digest: verified.digest };
    return this.#held;
  }

  async #end({ lease, digest }: Held, now: number): Promise<void> {
    const { stateKey, claims } = lease;
    const { agent } = this.#terms;
    if (!this.#office.book.isLive(lease, now)) return;
    try {
      await this.#office.record((tx) => {
        this.#office.book.release(tx, lease, now);
        return { outcome: 'released', agent, stateKey, claims, digest };
      });
    } catch (error) {
      // The book already takes it for ended; its row says so at the latest when it expires.
      if (asWarderError(error).code === 'internal') throw error;
    }
  }

  #margin(): number {
    return Math.min(RENEW_MS, (this.#terms.ttlSeconds * 1000) / 4);
  }
}

function refuseEnded(): never {
  throw new WarderError('lease-refused', 'the lease of this connection was revoked or released', {
    hint: 'open a new connection; if it was revoked, ask the operator why',
  });
}

function refuseOver(): never {
  throw new WarderError('lease-refused', 'what this connection was let in by has expired', {
    hint: 'open a new connection with fresh credentials',
  });
}
