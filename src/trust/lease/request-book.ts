// The life of requests for leases: asked, granted or denied once, and from then on what their lease is.

import { ulid } from '../../base/encoding/ulid.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Store, TenantId, Tx } from '../../base/store/store.ts';
import { parseCapabilities } from './capability.ts';
import { firstOutside } from './capabilities-within.ts';
import type { PreparedLease } from './issue-lease.ts';
import type { LeaseBook } from './lease-book.ts';
import {
  type AskedLease,
  isTtl,
  type LeaseRequest,
  leaseRequestTable,
  requestDigest,
  type RequestGrounds,
  type RequestState,
  type RequestTerms,
  termsOf,
} from './lease-request.ts';
import { exceeding, limitFaults } from './request-limits.ts';

/** How long a request waits for a decision, milliseconds. */
const PENDING_MS = 600_000;
/** Most that wait of one principal. */
const PENDING_MAX = 16;
/** Most characters of the capabilities of one request: they have to fit into a token. */
const CAPABILITIES_LENGTH_MAX = 32_768;
const TEXT = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,256}$/u;

/** A request with its state as of now. */
export interface RequestStatus extends Omit<LeaseRequest, 'state'> {
  readonly state: RequestState;
}

export class RequestBook {
  readonly #store: Store;
  readonly #leases: LeaseBook;
  readonly #random: (bytes: number) => Uint8Array;
  /** Who waits for which request. */
  readonly #waiting = new Map<string, Set<() => void>>();

  /** @param random bytes for ids. */
  constructor(store: Store, leases: LeaseBook, random: (bytes: number) => Uint8Array) {
    this.#store = store;
    this.#leases = leases;
    this.#random = random;
  }

  /**
   * Writes a request down.
   *
   * @param grounds what policy said of it: without `persons` it is to be decided in this transaction.
   * @throws WarderError `malformed` for what no lease can say; `limit-reached` when too many wait.
   */
  ask(tx: Tx, asked: AskedLease, grounds: RequestGrounds, now: number): LeaseRequest {
    const { tenant, principal } = asked;
    const whole = checkAsked(asked);
    if (grounds.persons > 0) {
      if (waitingOf(tx, tenant, principal, now) >= PENDING_MAX) {
        throw new WarderError('limit-reached', 'too many requests of this principal wait already', {
          hint: 'wait until some are decided or expire',
          data: { limit: PENDING_MAX },
        });
      }
    }
    const id = `lreq_${ulid(now, this.#random(10))}`;
    const request: LeaseRequest = {
      ...whole,
      id,
      state: 'pending',
      digest: requestDigest(id, whole, { grounds, yeses: [] }),
      grounds,
      yeses: [],
      askedAt: now,
      expiresAt: now + PENDING_MS,
    };
    tx.insert(leaseRequestTable, tenant, id, request);
    return request;
  }

  /**
   * One operator says yes, perhaps to less than was asked. What is left then has a digest of its own: the
   * next one has to have seen it.
   *
   * @param yes `seen`: digest of the request as it was shown.
   * @throws WarderError `not-found`; `conflict` when it does not wait any more, or this one said yes before;
   *   `verification-failed` when it is not what was seen; `lease-refused` for terms that are wider.
   */
  approve(
    tx: Tx,
    tenant: TenantId,
    id: string,
    yes: {
      readonly seen: string;
      readonly by: string;
      readonly capabilities?: RequestTerms['capabilities'] | undefined;
      readonly ttlSeconds?: number | undefined;
    },
    now: number,
  ): LeaseRequest {
    const request = pendingOf(tx, tenant, id, yes.seen, now);
    if (request.yeses.some(({ by }) => by === yes.by)) {
      throw new WarderError('conflict', `\`${yes.by}\` said yes already`, {
        hint: 'another operator has to decide',
      });
    }
    const before = termsOf(request);
    const terms = narrowed(before, yes);
    const said = {
      grounds: request.grounds,
      yeses: [...request.yeses, { by: yes.by, at: now }],
      ...(terms === before && request.terms === undefined ? {} : { terms }),
    };
    const approved = { ...request, ...said, digest: requestDigest(id, request, said) };
    tx.put(leaseRequestTable, tenant, id, approved);
    return approved;
  }

  /**
   * Grants a request, in the transaction that records its lease: of any number of attempts one succeeds.
   *
   * @param seen digest of the request as it was shown to whoever decides.
   * @param prepared the lease, which may be narrower than what was asked and never wider.
   * @throws WarderError `not-found`; `conflict` when it does not wait any more; `verification-failed` when
   *   it is not what was seen; `lease-refused` for a lease that says more.
   */
  grant(
    tx: Tx,
    tenant: TenantId,
    id: string,
    decision: { readonly seen: string; readonly by: string; readonly prepared: PreparedLease },
    now: number,
  ): LeaseRequest {
    const request = pendingOf(tx, tenant, id, decision.seen, now);
    const { claims, stateKey } = decision.prepared;
    const more = exceeding(claims, request);
    if (more !== undefined) {
      throw new WarderError('lease-refused', `the lease says more than was asked for: ${more}`, {
        hint: 'grant what was asked, or less',
      });
    }
    this.#leases.record(tx, decision.prepared, request.agent);
    return this.#decide(tx, request, { state: 'granted', lease: stateKey }, decision.by, now);
  }

  /**
   * Takes back a request that waits.
   *
   * @throws WarderError `not-found`; `conflict` when it does not wait any more.
   */
  withdraw(tx: Tx, tenant: TenantId, id: string, why: string, now: number): LeaseRequest {
    const { digest } = requestOf(tx, tenant, id);
    const request = pendingOf(tx, tenant, id, digest, now);
    const { principal } = request;
    return this.#decide(tx, request, { state: 'withdrawn', denial: why }, principal, now);
  }

  /** Denies a request. Throws as {@link grant}. */
  deny(
    tx: Tx,
    tenant: TenantId,
    id: string,
    decision: { readonly seen: string; readonly by: string; readonly reason: string },
    now: number,
  ): LeaseRequest {
    const request = pendingOf(tx, tenant, id, decision.seen, now);
    const denial = decision.reason.toWellFormed().slice(0, 500);
    return this.#decide(tx, request, { state: 'denied', denial }, decision.by, now);
  }

  /** Tells those who wait; called when the decision is durable. */
  decided(id: string): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    for (const wake of waiting ?? []) wake();
  }

  /**
   * Resolves when the request is decided, or at once when it is; the caller looks then where it stands.
   *
   * @param signal ends the waiting; then it resolves too.
   */
  async settled(tenant: TenantId, id: string, now: number, signal: AbortSignal): Promise<void> {
    if (this.status(tenant, id, now).state !== 'pending' || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(id) ?? new Set();
    waiting.add(resolve);
    this.#waiting.set(id, waiting);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    waiting.delete(resolve);
    if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
  }

  /** Where a request stands. @throws WarderError `not-found`. */
  status(tenant: TenantId, id: string, now: number): RequestStatus {
    const request = this.#store.read((reader) => requestOf(reader, tenant, id));
    return { ...request, state: this.#stateOf(request, now) };
  }

  /**
   * Requests of one tenant or of all, newest first.
   *
   * @param by an index of the table and its value.
   */
  list(
    tenant: TenantId | undefined,
    now: number,
    by?: readonly ['principal' | 'state' | 'waiting', string],
    limit = 200,
  ): readonly RequestStatus[] {
    const query = { reverse: true, limit, ...(by === undefined ? {} : { index: by }) };
    return this.#store
      .read((reader) => reader.list(leaseRequestTable, tenant, query))
      .map(({ value }) => ({ ...value, state: this.#stateOf(value, now) }));
  }

  #stateOf(request: LeaseRequest, now: number): RequestState {
    switch (request.state) {
      case 'denied':
        return 'denied';
      case 'withdrawn':
        return 'released';
      case 'lapsed':
        return 'expired';
      case 'pending':
        return now < request.expiresAt ? 'pending' : 'expired';
      case 'granted':
        return this.#leases.find(request.tenant, request.lease ?? '', now)?.state ?? 'expired';
    }
  }

  #decide(
    tx: Tx,
    request: LeaseRequest,
    change: Pick<LeaseRequest, 'state' | 'lease' | 'denial'>,
    by: string,
    now: number,
  ): LeaseRequest {
    const decided: LeaseRequest = { ...request, ...change, decidedAt: now, decidedBy: by };
    tx.put(leaseRequestTable, request.tenant, request.id, decided);
    return decided;
  }
}

/** How many of a principal wait. Those whose time ran out are marked, and wait no more. */
export function waitingOf(tx: Tx, tenant: TenantId, principal: string, now: number): number {
  const kept = tx.list(leaseRequestTable, tenant, { index: ['waiting', principal], limit: 1000 });
  const late = kept.filter(({ value }) => now >= value.expiresAt);
  for (const { key, value } of late) {
    const lapsed: LeaseRequest = { ...value, state: 'lapsed' };
    tx.put(leaseRequestTable, tenant, key, lapsed);
  }
  return kept.length - late.length;
}

function pendingOf(
  reader: Reader,
  tenant: TenantId,
  id: string,
  seen: string,
  now: number,
): LeaseRequest {
  const request = requestOf(reader, tenant, id);
  if (request.state !== 'pending' || now >= request.expiresAt) {
    throw new WarderError('conflict', 'the request does not wait for a decision any more', {
      hint: 'it was decided, or its time ran out: the agent has to ask again',
    });
  }
  if (request.digest !== seen || requestDigest(id, request, request) !== seen) {
    throw new WarderError('verification-failed', 'the request is not the one that was shown', {
      hint: 'look at it again, and find out who writes to the store',
    });
  }
  return request;
}

/** @throws WarderError `malformed`, also for none at all. */
function readCapabilities(json: unknown): RequestTerms['capabilities'] {
  const capabilities = parseCapabilities(json);
  if (capabilities.length === 0) malformed('`capabilities` are none: name what is to be done');
  return capabilities;
}

/** In normal form. @throws WarderError `malformed`. */
function checkAsked(asked: AskedLease): AskedLease {
  const { task, reason, ttlSeconds } = asked;
  if (!isTtl(ttlSeconds)) malformed('`ttlSeconds` is a whole number from 1 to 86400');
  if (!TEXT.test(task)) malformed('`task` is a text of 1 to 256 visible characters');
  if (!TEXT.test(reason)) malformed('`reason` is a text of 1 to 256 visible characters');
  const capabilities = readCapabilities(asked.capabilities);
  if (JSON.stringify(capabilities).length > CAPABILITIES_LENGTH_MAX) {
    malformed(`\`capabilities\` are longer than ${CAPABILITIES_LENGTH_MAX} characters`);
  }
  const [fault] = limitFaults(asked, capabilities);
  if (fault !== undefined) malformed(fault);
  return { ...asked, capabilities };
}

/** @throws WarderError `lease-refused` for terms that are wider; `malformed` for what no lease can say. */
function narrowed(
  before: RequestTerms,
  {
    capabilities,
    ttlSeconds,
  }: { readonly [Name in keyof RequestTerms]?: RequestTerms[Name] | undefined },
): RequestTerms {
  if (capabilities === undefined && ttlSeconds === undefined) return before;
  const terms = {
    capabilities: readCapabilities(capabilities ?? before.capabilities),
    ttlSeconds: ttlSeconds ?? before.ttlSeconds,
  };
  if (!isTtl(terms.ttlSeconds)) malformed('`ttlSeconds` is a whole number from 1 to 86400');
  const at = firstOutside(terms.capabilities, before.capabilities);
  if (at !== undefined || terms.ttlSeconds > before.ttlSeconds) {
    const what = at === undefined ? 'it lasts longer' : `capabilities[${at}] is not within it`;
    throw new WarderError('lease-refused', `these terms are wider than what was asked: ${what}`, {
      hint: 'approve what was asked, or less',
    });
  }
  return terms;
}

function requestOf(reader: Reader, tenant: TenantId, id: string): LeaseRequest {
  const request = reader.get(leaseRequestTable, tenant, id);
  if (request === undefined) {
    throw new WarderError('not-found', 'there is no such request for a lease', {
      hint: 'name one by the id it was given',
    });
  }
  return request;
}

function malformed(why: string): never {
  throw new WarderError('malformed', `not a request for a lease: ${why}`, {
    hint: 'see docs/leases.md',
  });
}
