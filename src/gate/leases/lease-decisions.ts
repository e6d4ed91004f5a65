// What operators say of requests for leases: the other side of the desk. Never reached by agents.

import { WarderError } from '../../base/errors/errors.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import { termsOf } from '../../trust/lease/lease-request.ts';
import type { RequestStatus } from '../../trust/lease/request-book.ts';
import { operatorPrincipal, recordEvent } from '../administer.ts';
import type { LeaseGrants } from './grant-lease.ts';
import { judgeLease, type LeaseJudgement } from './judge-lease.ts';
import { requestEvent } from './lease-events.ts';
import type { LeaseParts } from './lease-parts.ts';

/** One operator's yes. */
export interface LeaseYes {
  /** `digest` of the request as it was shown. */
  readonly seen: string;
  /** Name of the operator, by their channel. */
  readonly by: string;
  /** Less than was asked. */
  readonly capabilities?: readonly Capability[];
  readonly ttlSeconds?: number;
}

/** One operator's no. */
export interface LeaseNo {
  readonly seen: string;
  readonly by: string;
  readonly reason: string;
}

/** Most that are looked at to find those that wait. */
const WAITING_MAX = 10_000;

export class LeaseDecisions {
  readonly #parts: LeaseParts;
  readonly #grants: LeaseGrants;

  constructor(parts: LeaseParts, grants: LeaseGrants) {
    this.#parts = parts;
    this.#grants = grants;
  }

  /** Requests of a tenant or of all, newest first: those that wait, or the latest of any state. */
  list(
    tenant: TenantId | undefined,
    which: 'pending' | 'all' = 'pending',
  ): readonly RequestStatus[] {
    const { gate, requests } = this.#parts;
    const now = gate.now();
    if (which === 'all') return requests.list(tenant, now);
    return requests
      .list(tenant, now, ['state', 'pending'], WAITING_MAX)
      .filter(({ state }) => state === 'pending');
  }

  /** @throws WarderError `not-found`. */
  show(tenant: TenantId, id: string): RequestStatus {
    const { gate, requests } = this.#parts;
    return requests.status(tenant, id, gate.now());
  }

  /**
   * What policy says of a request now, as far as it was narrowed: how many persons it takes, or that it
   * cannot be granted any more.
   */
  judge(request: RequestStatus): LeaseJudgement {
    return judgeLease(this.#parts, request, termsOf(request), this.#parts.gate.now());
  }

  /**
   * Says yes. Policy is asked again, as it is now; with the last yes that it takes the lease is granted, in
   * one transaction with its leaves, then signed, and whoever waits is woken.
   *
   * @returns the request: `pending` while more have to say yes.
   * @throws WarderError `not-found`; `conflict` when it does not wait any more, this operator said yes
   *   before, or its connection has ended; `verification-failed` when it is not what was seen;
   *   `lease-refused`, `policy-denied` when it may not be granted (any more), or is wider than asked.
   */
  async approve(tenant: TenantId, id: string, yes: LeaseYes): Promise<RequestStatus> {
    const { gate, requests } = this.#parts;
    const now = gate.now();
    const parent = await this.#grants.parentOf(requests.status(tenant, id, now));
    const made = await gate.store.commit((tx) => {
      const request = requests.approve(tx, tenant, id, yes, now);
      this.#grants.requireConnection(request);
      const judged = judgeLease(this.#parts, request, termsOf(request), now);
      if (judged.verdict === 'hard_deny') throw judged.error;
      const needed = judged.verdict === 'route_to_approver' ? judged.persons : 1;
      const given = request.yeses.length;
      const narrowed = request.terms !== undefined;
      recordEvent(
        tx,
        gate,
        now,
        requestEvent(request, 'approved', {
          principal: operatorPrincipal(yes.by),
          judged,
          detail: { given, needed, narrowed },
        }),
      );
      if (given < needed) return undefined;
      return this.#grants.grant(tx, request, parent, yes.by, now);
    });
    if (made !== undefined) {
      await this.#grants.handOver(made);
      requests.decided(id);
    }
    return this.show(tenant, id);
  }

  /** Says no, whoever said yes before. Throws as {@link approve}; `malformed` without a reason. */
  async deny(tenant: TenantId, id: string, no: LeaseNo): Promise<RequestStatus> {
    const { gate, requests } = this.#parts;
    if (no.reason.trim() === '') {
      throw new WarderError('malformed', 'a no to a request for a lease has a reason', {
        hint: 'say why: the agent is told',
      });
    }
    const now = gate.now();
    await gate.store.commit((tx) => {
      const denied = requests.deny(tx, tenant, id, no, now);
      const principal = operatorPrincipal(no.by);
      const reason = denied.denial ?? no.reason;
      recordEvent(tx, gate, now, requestEvent(denied, 'denied', { principal, reason }));
    });
    requests.decided(id);
    return this.show(tenant, id);
  }
}
