// Granting: a lease prepared from a request, recorded with its leaves, then signed and handed over.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Tx } from '../../base/store/store.ts';
import { type PreparedLease, prepareLease } from '../../trust/lease/issue-lease.ts';
import { type LeaseRequest, termsOf } from '../../trust/lease/lease-request.ts';
import type { VerifiedLease } from '../../trust/lease/verify-lease.ts';
import type { ReceiptRef } from '../../trust/receipt/receipt-log.ts';
import { recordEvent } from '../administer.ts';
import { issuedEvent, requestEvent } from './lease-events.ts';
import type { LeaseInHand } from './lease-in-hand.ts';
import type { LeaseParts } from './lease-parts.ts';
import { LeaseTokens } from './lease-tokens.ts';

/** Why a lease was given back that nobody gave back. */
export const CONNECTION_ENDED = 'its connection ended';

/** A request that was granted, with its lease yet to be signed, and the leaf that says so. */
export interface GrantedLease {
  readonly granted: LeaseRequest;
  readonly prepared: PreparedLease;
  readonly receipt: ReceiptRef;
}

/** Grants requests, and knows which connections there are to hand leases to. */
export class LeaseGrants {
  readonly tokens: LeaseTokens;
  /** By the id leases are bound to. */
  readonly connections: Map<string, LeaseInHand> = new Map();
  readonly #parts: LeaseParts;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.tokens = new LeaseTokens(parts.gate, parts.office);
  }

  /**
   * The lease a request is to be made from, verified.
   *
   * @throws WarderError `lease-refused` when it has ended.
   */
  async parentOf(
    request: Pick<LeaseRequest, 'tenant' | 'parent'>,
  ): Promise<VerifiedLease | undefined> {
    const { tenant, parent } = request;
    if (parent === undefined) return undefined;
    for (const hand of this.connections.values()) {
      const held = hand.granted.find(({ lease }) => lease.stateKey === parent.stateKey);
      if (held !== undefined) return held.verified;
    }
    return this.tokens.read(tenant, parent.stateKey);
  }

  /**
   * In one transaction with what decided it: the request granted, the row of the lease, and its leaf.
   *
   * @throws WarderError `conflict`, `verification-failed`, `lease-refused` as {@link RequestBook.grant};
   *   `lease-refused` when whom it would be bound to, or what it would be made from, is no more.
   */
  grant(
    tx: Tx,
    request: LeaseRequest,
    parent: VerifiedLease | undefined,
    by: string,
    now: number,
  ): GrantedLease {
    const { gate, requests } = this.#parts;
    this.requireConnection(request);
    if (parent !== undefined) this.#requireLive(parent, now);
    const prepared = this.#prepare(request, parent, now);
    const decision = { seen: request.digest, by, prepared };
    const granted = requests.grant(tx, request.tenant, request.id, decision, now);
    const receipt = recordEvent(tx, gate, now, issuedEvent(granted, prepared));
    return { granted, prepared, receipt };
  }

  /**
   * After the grant is durable: has it signed, and puts it into the hand of its connection. What fails is
   * tried again when the lease is asked for.
   */
  async handOver({ granted: request, prepared, receipt }: GrantedLease): Promise<void> {
    try {
      if (!(await this.#stillThere(request))) return;
      const leaf = this.#parts.gate.log.durable(receipt);
      this.#hand(request, await this.tokens.sign(prepared, leaf));
    } catch (thrown) {
      const { code, message } = asWarderError(thrown);
      this.#parts.note(`lease ${request.id}: not signed yet: ${code}: ${message}`);
    }
  }

  /** The lease of a granted request, signed by now if it was not before. Throws as {@link LeaseTokens.read}. */
  async leaseOf(
    request: Pick<LeaseRequest, 'id' | 'tenant' | 'cnf' | 'lease'>,
  ): Promise<VerifiedLease> {
    const { cnf, id, tenant, lease = '' } = request;
    const held = 'conn' in cnf ? this.connections.get(cnf.conn)?.find(id) : undefined;
    if (held !== undefined) return held.verified;
    const verified = await this.tokens.read(tenant, lease);
    this.#hand(request, verified);
    return verified;
  }

  /** @throws WarderError `conflict` when the connection a lease would be bound to has ended. */
  requireConnection({ cnf }: Pick<LeaseRequest, 'cnf'>): void {
    if (!('conn' in cnf) || this.connections.has(cnf.conn)) return;
    throw new WarderError('conflict', 'the connection this lease would be bound to has ended', {
      hint: 'deny the request: the agent has to ask again',
    });
  }

  /** A connection that ended while its lease was written down: it goes the way of the others. */
  async #stillThere(request: LeaseRequest): Promise<boolean> {
    const { cnf, id, tenant, lease = '' } = request;
    if (!('conn' in cnf)) return true;
    const hand = this.connections.get(cnf.conn);
    hand?.expect(id);
    if (hand !== undefined) return true;
    const { gate } = this.#parts;
    await gate.store.commit((tx) => {
      const { digest } = gate.leases.giveBack(tx, tenant, lease, gate.now());
      const subject = { name: 'lease', sha256: digest };
      const event = requestEvent(request, 'released', { subject, reason: CONNECTION_ENDED });
      recordEvent(tx, gate, gate.now(), event);
    });
    return false;
  }

  #hand({ id, cnf }: Pick<LeaseRequest, 'id' | 'cnf'>, verified: VerifiedLease): void {
    if (!('conn' in cnf)) return;
    const { gate } = this.#parts;
    const lease = gate.leases.check(verified, { connection: cnf.conn }, gate.now());
    this.connections.get(cnf.conn)?.take({ handle: id, lease, verified });
  }

  #requireLive({ claims, chain }: VerifiedLease, now: number): void {
    const { leases } = this.#parts.gate;
    const live = chain.every(
      ({ stateKey }) => leases.find(claims.tenant, stateKey, now)?.state === 'active',
    );
    if (live) return;
    throw new WarderError('lease-refused', 'the lease it is made from has ended', {
      hint: 'ask for a new lease',
    });
  }

  #prepare(request: LeaseRequest, parent: VerifiedLease | undefined, now: number): PreparedLease {
    const { origin, signer } = this.#parts.office;
    const { tenant, principal, cnf, task, delegatable, maxDepth = 0 } = request;
    const { capabilities, ttlSeconds } = termsOf(request);
    const above = parent?.claims;
    const second = Math.floor(now / 1000);
    const maxUses = request.maxUses ?? above?.max_uses;
    const maxBytes = request.maxBytes ?? above?.max_bytes;
    const rate = request.rate ?? above?.rate;
    const maxExp = request.maxExp ?? above?.max_exp;
    const latest = Math.min(maxExp ?? Infinity, above?.exp ?? Infinity);
    const terms = {
      origin,
      principal,
      tenant,
      capabilities,
      ttlSeconds: Math.min(ttlSeconds, latest - second),
      cnf,
      task,
      delMax: (above === undefined ? 0 : above.del_depth + 1) + maxDepth,
      ...(maxUses === undefined ? {} : { maxUses }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(rate === undefined ? {} : { rate }),
      ...(maxExp === undefined ? {} : { maxExp }),
      ...(delegatable === undefined ? {} : { delegatable }),
      ...(parent === undefined ? {} : { parent }),
    };
    if (terms.ttlSeconds < 1) {
      throw new WarderError('lease-refused', 'the lease would end before it begins', {
        hint: 'ask for a later `max_exp`, or from a lease that lasts longer',
      });
    }
    return prepareLease(terms, signer.key, now, this.#parts.gate.random(16));
  }
}
