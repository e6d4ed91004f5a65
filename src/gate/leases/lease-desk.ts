// The desk at which agents ask for leases: describe, preview, request, poll, release, delegate, refresh.

import type { Json } from '../../base/encoding/json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Tx } from '../../base/store/store.ts';
import { coversTool } from '../../decide/policy/narrowing.ts';
import { type ConnectionLease, type ConnectionTerms } from '../../trust/lease/connection-lease.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import type { AskedLease, LeaseCeiling, LeaseRequest } from '../../trust/lease/lease-request.ts';
import type { RequestStatus } from '../../trust/lease/request-book.ts';
import type { VerifiedLease } from '../../trust/lease/verify-lease.ts';
import { recordEvent } from '../administer.ts';
import type { Caller, Preview } from '../door.ts';
import { askedLease, childLease, readRequest } from './asked-lease.ts';
import { AskingRate } from './asking-rate.ts';
import { CONNECTION_ENDED, type GrantedLease, LeaseGrants } from './grant-lease.ts';
import { judgeLease } from './judge-lease.ts';
import { LeaseDecisions } from './lease-decisions.ts';
import type { LeaseDescription, LeaseDoor, LeaseStanding } from './lease-door.ts';
import { refusedEvent, requestEvent } from './lease-events.ts';
import { LeaseInHand } from './lease-in-hand.ts';
import type { LeaseParts } from './lease-parts.ts';
import { renewLease } from './renew-lease.ts';
import { standingOf } from './lease-standing.ts';

/** Within a minute, of one principal. */
const PREVIEWS_MAX = 30;
const REQUESTS_MAX = 60;
/** Most requests a description tells. */
const TOLD_MAX = 32;
/** Who decides what no person is asked about, on rows of requests. */
const POLICY = 'policy';

export class LeaseDesk implements LeaseDoor {
  /** For the operator's channel only. */
  readonly decisions: LeaseDecisions;
  readonly #parts: LeaseParts;
  readonly #grants: LeaseGrants;
  readonly #previews = new AskingRate(PREVIEWS_MAX, 'previews');
  readonly #requests = new AskingRate(REQUESTS_MAX, 'requests for leases');

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.#grants = new LeaseGrants(parts);
    this.decisions = new LeaseDecisions(parts, this.#grants);
  }

  /**
   * The leases of a new connection.
   *
   * @param bound whether leases may be bound to the connection; else every one needs a key.
   */
  hand(terms: ConnectionTerms, own: ConnectionLease, bound = true): LeaseInHand {
    const { gate } = this.#parts;
    const hand = new LeaseInHand(
      { terms, bound, own },
      { book: gate.leases, now: () => gate.clock.wall() },
      () => this.#connectionEnded(hand),
    );
    this.#grants.connections.set(terms.connection, hand);
    return hand;
  }

  describe(caller: Caller): LeaseDescription {
    const { gate } = this.#parts;
    const hand = handOf(caller);
    const { agent, principal, tenant } = caller;
    const { free, most } = this.#ceilingOf(hand);
    const names = gate.catalog.tools(tenant).map(({ definition }) => definition.name);
    const covered = (by: readonly Capability[]): readonly string[] =>
      names.filter((name) => coversTool(by, name)).sort();
    const tools = covered(free.capabilities);
    return {
      agent,
      principal,
      tenant,
      holder: hand.bound ? 'connection' : 'key',
      free: { capabilities: free.capabilities, ttl_seconds: free.ttlSeconds },
      most: { capabilities: most.capabilities, ttl_seconds: most.ttlSeconds },
      tools,
      askable_tools: covered(most.capabilities).filter((name) => !tools.includes(name)),
      requests: this.#own(caller, hand),
    };
  }

  preview(caller: Caller, json: Json): Preview {
    const { gate, note } = this.#parts;
    const hand = handOf(caller);
    this.#previews.take(laneOf(caller), gate.clock.monotonic());
    const asked = askedLease(caller, hand, readRequest(json, 'preview'), gate.now());
    let preview: Preview;
    try {
      const judged = judgeLease(this.#parts, asked, asked, gate.now());
      const { rules } = judged;
      preview =
        judged.verdict === 'hard_deny'
          ? { verdict: judged.verdict, error: judged.error }
          : judged.verdict === 'auto_approve'
            ? { verdict: judged.verdict, rules }
            : { verdict: judged.verdict, reason: judged.reason, rules };
    } catch (thrown) {
      preview = { verdict: 'hard_deny', error: asWarderError(thrown) };
    }
    const who = JSON.stringify(caller.principal.slice(0, 80));
    note(`lease preview: agent ${caller.agent}, principal ${who}: ${preview.verdict}`);
    return preview;
  }

  request(caller: Caller, json: Json): Promise<LeaseStanding> {
    return this.#receipted(caller, async () => {
      const hand = handOf(caller);
      this.#requests.take(laneOf(caller), this.#parts.gate.clock.monotonic());
      const asked = askedLease(caller, hand, readRequest(json, 'request'), this.#parts.gate.now());
      if ('conn' in asked.cnf && !hand.bound) {
        throw new WarderError('lease-refused', 'leases of this agent are bound to keys', {
          hint: 'give the public key of its holder in `holder_key`',
        });
      }
      return this.#ask(caller, asked, undefined);
    });
  }

  async poll(caller: Caller, id: string, wait?: AbortSignal): Promise<LeaseStanding> {
    const { gate, requests } = this.#parts;
    const found = this.#find(caller, id);
    if (wait !== undefined) await requests.settled(found.tenant, id, gate.now(), wait);
    const request = this.#find(caller, id);
    // A signature that could not be had when it was granted may be had now.
    if (request.state === 'active' && 'conn' in request.cnf) await this.#grants.leaseOf(request);
    return this.#standing(request);
  }

  release(caller: Caller, id: string): Promise<LeaseStanding> {
    return this.#release(caller, this.#find(caller, id), 'its agent gave it back');
  }

  delegate(caller: Caller, parent: string, json: Json): Promise<LeaseStanding> {
    return this.#receipted(caller, async () => {
      this.#requests.take(laneOf(caller), this.#parts.gate.clock.monotonic());
      const above = this.#find(caller, parent);
      if (above.state !== 'active') {
        throw new WarderError(
          'lease-refused',
          `the lease it is to be made from is ${above.state}`,
          {
            hint: 'ask for a new one',
          },
        );
      }
      const lease = await this.#grants.leaseOf(above);
      return this.#ask(
        caller,
        childLease(caller, above.id, lease, json, this.#parts.gate.now()),
        lease,
      );
    });
  }

  async token(caller: Caller, id: string): Promise<string> {
    const request = this.#find(caller, id);
    if ('conn' in request.cnf) {
      throw new WarderError('lease-refused', 'a lease bound to a connection is given to nobody', {
        hint: 'make calls over this connection, or ask for a lease with `holder_key`',
      });
    }
    if (request.state !== 'active') {
      throw new WarderError('lease-refused', `the lease is ${request.state}`, {
        hint: request.state === 'pending' ? 'wait for a decision' : 'ask for a new lease',
      });
    }
    return (await this.#grants.leaseOf(request)).text;
  }

  refresh(
    caller: Caller,
    held: { readonly text: string; readonly proof: string },
  ): Promise<string> {
    return this.#receipted(caller, () =>
      renewLease(this.#parts, this.#grants.tokens, caller, held),
    );
  }

  /** Judged, written down and, if nobody has to be asked, granted or denied: all in one transaction. */
  async #ask(
    caller: Caller,
    asked: AskedLease,
    parent: VerifiedLease | undefined,
  ): Promise<LeaseStanding> {
    const { gate, requests } = this.#parts;
    const now = gate.now();
    const started = gate.clock.monotonic();
    const judged = judgeLease(this.#parts, asked, asked, now);
    const latencyUs = Math.round((gate.clock.monotonic() - started) * 1000);
    const waits = judged.verdict === 'route_to_approver';
    const grounds = {
      persons: waits ? judged.persons : 0,
      rules: judged.rules,
      ...(waits ? { why: judged.reason } : {}),
    };
    const { id, made } = await gate.store.commit((tx) => {
      if (waits) gate.approvals.requireRoom(tx, asked.tenant, asked.principal, now);
      const request = requests.ask(tx, asked, grounds, now);
      const event = requestEvent(request, 'requested', { judged, latencyUs, reason: asked.reason });
      recordEvent(tx, gate, now, event);
      return { id: request.id, made: this.#settle(tx, request, judged, parent, now) };
    });
    if (waits) gate.approvals.changed();
    if (made !== undefined) await this.#grants.handOver(made);
    return this.#standing(this.#find(caller, id));
  }

  /** What is decided without a person. */
  #settle(
    tx: Tx,
    request: LeaseRequest,
    judged: ReturnType<typeof judgeLease>,
    parent: VerifiedLease | undefined,
    now: number,
  ): GrantedLease | undefined {
    const { gate, requests } = this.#parts;
    switch (judged.verdict) {
      case 'auto_approve':
        return this.#grants.grant(tx, request, parent, POLICY, now);
      case 'route_to_approver':
        return undefined;
      case 'hard_deny': {
        const { code, message } = judged.error;
        const no = { seen: request.digest, by: POLICY, reason: message };
        const denied = requests.deny(tx, request.tenant, request.id, no, now);
        const event = requestEvent(denied, 'denied', { judged, code, reason: message });
        recordEvent(tx, gate, now, event);
        return undefined;
      }
    }
  }

  async #release(caller: Caller, request: RequestStatus, why: string): Promise<LeaseStanding> {
    const { gate, requests } = this.#parts;
    const { id, tenant, state } = request;
    if (state === 'pending' || state === 'active') {
      const now = gate.now();
      await gate.store.commit((tx) => this.#end(tx, request, why, now));
      if (state === 'pending') requests.decided(id);
      caller.hand?.drop(id);
    }
    return this.#standing(requests.status(tenant, id, gate.now()));
  }

  #end(tx: Tx, request: RequestStatus, why: string, now: number): void {
    const { gate, requests } = this.#parts;
    const { id, tenant, lease } = request;
    if (lease === undefined) {
      const withdrawn = requests.withdraw(tx, tenant, id, why, now);
      recordEvent(tx, gate, now, requestEvent(withdrawn, 'released', { reason: why }));
      return;
    }
    const { digest } = gate.leases.giveBack(tx, tenant, lease, now);
    const subject = { name: 'lease', sha256: digest };
    recordEvent(tx, gate, now, requestEvent(request, 'released', { subject, reason: why }));
  }

  /** What was granted to a connection goes with it, and what it waits for has nowhere to go. */
  async #connectionEnded(hand: LeaseInHand): Promise<void> {
    const { gate, requests, note } = this.#parts;
    const { connection, tenant, principal } = hand.terms;
    this.#grants.connections.delete(connection);
    try {
      const now = gate.clock.wall();
      const open = [
        ...requests.list(tenant, now, ['waiting', principal]),
        ...hand.handles.map((handle) => requests.status(tenant, handle, now)),
      ].filter(
        ({ state, cnf }) =>
          (state === 'pending' || state === 'active') && 'conn' in cnf && cnf.conn === connection,
      );
      for (const request of open) {
        await gate.store.commit((tx) => this.#end(tx, request, CONNECTION_ENDED, now));
      }
    } catch (thrown) {
      // It expires by itself.
      note(`leases of a connection that ended: ${asWarderError(thrown).message}`);
    }
  }

  /** A request of this caller; those of others are not there. @throws WarderError `not-found`. */
  #find(caller: Caller, id: string): RequestStatus {
    const { gate, requests } = this.#parts;
    const hand = handOf(caller);
    const request = requests.status(caller.tenant, id, gate.now());
    if (isOwn(caller, hand, request)) return request;
    throw new WarderError('not-found', 'there is no such request for a lease', {
      hint: 'name one by the id it was given',
    });
  }

  #own(caller: Caller, hand: LeaseInHand): readonly LeaseStanding[] {
    const { gate, requests } = this.#parts;
    return requests
      .list(caller.tenant, gate.now(), ['principal', caller.principal])
      .filter((request) => isOwn(caller, hand, request))
      .slice(0, TOLD_MAX)
      .map((request) => this.#standing(request));
  }

  #standing(request: RequestStatus): LeaseStanding {
    const { gate } = this.#parts;
    const { tenant, lease } = request;
    return standingOf(
      request,
      lease === undefined ? undefined : gate.leases.find(tenant, lease, gate.now()),
    );
  }

  #ceilingOf({ terms: { agent } }: LeaseInHand): LeaseCeiling {
    const nothing = { capabilities: [], ttlSeconds: 0 };
    return this.#parts.ceiling(agent) ?? { free: nothing, most: nothing };
  }

  /** What is refused before there is a request leaves a receipt too. */
  async #receipted<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const error = asWarderError(thrown);
      const { gate } = this.#parts;
      await gate.store.commit((tx) =>
        recordEvent(tx, gate, gate.now(), refusedEvent(caller, error)),
      );
      throw error;
    }
  }
}

/**
 * Who asks at the desk: an agent over a connection of its own.
 *
 * @throws WarderError `lease-refused` for who came with a lease, or over the operator's channel.
 */
function handOf(caller: Caller): LeaseInHand {
  if (caller.hand !== undefined && !caller.hand.over) return caller.hand;
  throw new WarderError('lease-refused', 'leases are asked for by an agent in its own name', {
    hint: 'leave the lease out, and ask over the socket of the agent',
  });
}

function isOwn(caller: Caller, hand: LeaseInHand, request: RequestStatus): boolean {
  const { cnf, principal, agent } = request;
  if (principal !== caller.principal || agent !== caller.agent) return false;
  return !('conn' in cnf) || cnf.conn === hand.terms.connection;
}

function laneOf({ tenant, principal }: Caller): string {
  return `${tenant} ${principal}`;
}
