// The life of an approval: asked, approved or denied by persons, used once, or expired. Every change is
// part of a transaction the gate opens, so that it and its receipt are one.

import { ulid } from '../../base/encoding/ulid.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, RowQuery, Store, TenantId, Tx } from '../../base/store/store.ts';
import { waitingOf } from '../../trust/lease/request-book.ts';
import type { ApprovalTerms } from '../policy/approval-terms.ts';
import {
  type Approval,
  type ApprovalBinding,
  type ApprovalRequest,
  type ApprovalState,
  approvalTable,
  bindingKey,
  givenBy,
  isGiven,
  sealed,
  sealHolds,
  shownReach,
} from './approval.ts';

export interface ApprovalLimits {
  /** How long a request waits for a person, milliseconds. */
  readonly pendingMs: number;
  /** How long a decision holds, milliseconds. */
  readonly decidedMs: number;
  /** Most that waits for persons of one principal: calls and requests for leases. */
  readonly pendingPerPrincipal: number;
}

const TEN_MINUTES = 600_000;
/** Most rules, and most signals, that are kept to be shown. */
const SHOWN_MAX = 64;
/** Longest note of a signal that is kept, characters. */
const NOTE_MAX = 500;
const DEFAULTS: ApprovalLimits = {
  pendingMs: TEN_MINUTES,
  decidedMs: TEN_MINUTES,
  pendingPerPrincipal: 16,
};

export class ApprovalBook {
  readonly #store: Store;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #limits: ApprovalLimits;
  readonly #listeners = new Set<() => void>();

  /** @param random bytes for ids. */
  constructor(
    store: Store,
    random: (bytes: number) => Uint8Array,
    limits: Partial<ApprovalLimits> = {},
  ) {
    this.#store = store;
    this.#random = random;
    this.#limits = { ...DEFAULTS, ...limits };
  }

  /**
   * Asks for one. Asking again for the same call returns the same approval while it waits, unless it now
   * takes another number of persons, or something risky was noticed since: then it is asked anew.
   *
   * @throws WarderError `policy-denied` while a person's no to this call holds; `limit-reached` when the
   *   principal has too many waiting.
   */
  ask(tx: Tx, request: ApprovalRequest, now: number): Approval {
    for (const open of this.#open(tx, request, now)) {
      if (open.state === 'denied') throw deniedBefore(open);
      if (open.state !== 'pending' || !sealHolds(open)) continue;
      if (open.persons === request.persons && showsAll(open, request)) return open;
      put(tx, { ...open, state: 'expired' });
    }
    this.requireRoom(tx, request.tenant, request.principal, now);
    const unsealed: Omit<Approval, 'seal'> = {
      ...asked(request),
      id: `appr_${ulid(now, this.#random(10))}`,
      state: 'pending',
      askedAt: now,
      expiresAt: now + this.#limits.pendingMs,
      yeses: [],
    };
    const approval = sealed(unsealed);
    if (!sealHolds(approval)) {
      throw new WarderError(
        'internal',
        'an approval was asked for another call than it is bound to',
      );
    }
    tx.insert(approvalTable, request.tenant, approval.id, approval);
    return approval;
  }

  /**
   * Whether one more question of the principal may wait for a person: calls and requests for leases count
   * together.
   *
   * @throws WarderError `limit-reached` when not.
   */
  requireRoom(tx: Tx, tenant: TenantId, principal: string, now: number): void {
    const query = { index: ['waiting', principal] as const, limit: 1000 };
    const calls = tx
      .list(approvalTable, tenant, query)
      .filter(({ value }) => !this.#expire(tx, value, now));
    const requests = waitingOf(tx, tenant, principal, now);
    if (calls.length + requests < this.#limits.pendingPerPrincipal) return;
    throw new WarderError('limit-reached', 'too much of this principal waits for a person', {
      hint: 'wait until some of it is decided or expires: `warder approvals list`',
      data: { limit: this.#limits.pendingPerPrincipal },
    });
  }

  /**
   * A person says yes. The last yes that is needed makes it count.
   *
   * @param yes who, by their channel, and what they limit it to.
   * @throws WarderError `not-found`; `conflict` when it is not pending any more, or this person said yes
   *   before; `verification-failed` when the record is not what was asked.
   */
  approve(
    tx: Tx,
    tenant: TenantId,
    id: string,
    yes: { readonly by: string; readonly terms?: ApprovalTerms | undefined },
    now: number,
  ): Approval {
    const approval = pendingOf(tx, tenant, id, now);
    const { by, terms } = yes;
    const { persons } = approval;
    if (approval.yeses.some((before) => before.by === by)) {
      throw new WarderError('conflict', `\`${by}\` approved \`${id}\` already`, {
        hint: `it takes ${persons} different operators: another has to say yes`,
      });
    }
    const yeses = [...approval.yeses, { by, at: now, ...(terms === undefined ? {} : { terms }) }];
    const isLast = yeses.length >= persons;
    const decided: Omit<Approval, 'seal'> = {
      ...approval,
      yeses,
      expiresAt: Math.min(
        isLast ? now + this.#limits.decidedMs : approval.expiresAt,
        ...yeses.map(
          ({ at, terms: { withinSeconds = Infinity } = {} }) => at + withinSeconds * 1000,
        ),
      ),
      ...(isLast ? { state: 'approved' as const, decidedAt: now } : {}),
    };
    return put(tx, sealed(decided));
  }

  /** A person says no, whoever said yes before. Throws as {@link approve}. */
  deny(tx: Tx, tenant: TenantId, id: string, by: string, now: number, reason?: string): Approval {
    const approval = pendingOf(tx, tenant, id, now);
    const denied: Omit<Approval, 'seal'> = {
      ...approval,
      state: 'denied',
      deniedBy: by,
      decidedAt: now,
      expiresAt: now + this.#limits.decidedMs,
      ...(reason === undefined ? {} : { denial: reason.toWellFormed().slice(0, 500) }),
    };
    return put(tx, sealed(denied));
  }

  /**
   * The approval that lets this very call run now, if there is one: that of as many persons as it takes
   * now, who were shown everything that is risky about the call now.
   */
  findApproved(
    binding: ApprovalBinding,
    needed: Pick<ApprovalRequest, 'persons' | 'signals'>,
    now: number,
  ): Approval | undefined {
    const key = bindingKey(binding);
    return this.#store.read((reader) =>
      reader
        .list(approvalTable, binding.tenant, { index: ['open', key] })
        .map(({ value }) => value)
        .find(
          (value) =>
            value.state === 'approved' &&
            now < value.expiresAt &&
            sealHolds(value) &&
            isGiven(value) &&
            givenBy(value).persons >= needed.persons &&
            showsAll(value, needed),
        ),
    );
  }

  /**
   * Uses an approval up, inside the transaction that lets the call start. Of any number of attempts
   * exactly one succeeds.
   *
   * @param use the approval's id and the binding of the call that is about to run.
   * @throws WarderError `policy-denied` when it is not approved, used, expired or for another call;
   *   `verification-failed` when the record was changed.
   */
  consume(tx: Tx, use: ApprovalBinding & { readonly id: string }, now: number): Approval {
    const approval = tx.get(approvalTable, use.tenant, use.id);
    if (approval === undefined) throw unusable('there is no such approval');
    if (approval.state === 'consumed') throw unusable('the approval was used already');
    if (approval.state !== 'approved') throw unusable(`the approval is ${approval.state}`);
    if (now >= approval.expiresAt) throw unusable('the approval has expired');
    if (bindingKey(approval) !== bindingKey(use))
      throw unusable('the approval is for another call');
    checkSeal(approval);
    if (!isGiven(approval)) throw unusable('too few persons approved it');
    const consumed: Approval = { ...approval, state: 'consumed', consumedAt: now };
    tx.put(approvalTable, use.tenant, use.id, consumed);
    return consumed;
  }

  /** Calls back when something that waits, or waited, changed; returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells those who watch; called when the change is durable. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** One approval with its state as of now. Throws WarderError `not-found`. */
  show(tenant: TenantId, id: string, now: number): Approval {
    return asOf(
      this.#store.read((reader) => get(reader, tenant, id)),
      now,
    );
  }

  /** Whose tenant an approval is of; undefined when there is none with that id. */
  tenantOf(id: string): TenantId | undefined {
    const rows = this.#store.read((reader) =>
      reader.list(approvalTable, undefined, { keyPrefix: id, limit: 1 }),
    );
    return rows[0]?.key === id ? rows[0].tenant : undefined;
  }

  /** Approvals of one tenant or of all, newest first, with their states as of now. */
  list(
    tenant: TenantId | undefined,
    now: number,
    filter: { readonly state?: ApprovalState; readonly limit?: number } = {},
  ): readonly Approval[] {
    const { state, limit = 200 } = filter;
    // One whose time ran out may still be kept under the state it had.
    const kept = state === 'expired' ? undefined : state;
    const query: RowQuery = {
      reverse: true,
      limit: 10_000,
      ...(kept === undefined ? {} : { index: ['state', kept] }),
    };
    return this.#store
      .read((reader) => reader.list(approvalTable, tenant, query))
      .map(({ value }) => asOf(value, now))
      .filter((approval) => state === undefined || approval.state === state)
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .slice(0, limit);
  }

  /**
   * Deletes what is kept of approvals of one call: they hold its arguments. Those that still wait or hold
   * stay.
   *
   * @param digest of the call.
   * @returns how many stay.
   */
  forget(tx: Tx, tenant: TenantId, digest: string, now: number): number {
    let open = 0;
    for (const { key, value } of tx.list(approvalTable, tenant, { index: ['digest', digest] })) {
      const { state } = asOf(value, now);
      if (state === 'pending' || state === 'approved') open += 1;
      else tx.delete(approvalTable, tenant, key);
    }
    return open;
  }

  /** Approvals of this binding that still matter; those whose time ran out are marked so. */
  #open(tx: Tx, binding: ApprovalBinding, now: number): readonly Approval[] {
    return tx
      .list(approvalTable, binding.tenant, { index: ['open', bindingKey(binding)] })
      .map(({ value }) => value)
      .filter((approval) => !this.#expire(tx, approval, now));
  }

  #expire(tx: Tx, approval: Approval, now: number): boolean {
    if (now < approval.expiresAt) return false;
    const expired: Approval = { ...approval, state: 'expired' };
    tx.put(approvalTable, approval.tenant, approval.id, expired);
    return true;
  }
}

/** Whether whoever said yes to `asked` was shown every risk that counts now. */
function showsAll(
  asked: Pick<Approval, 'signals'>,
  { signals }: Pick<ApprovalRequest, 'signals'>,
): boolean {
  const shown = new Set(asked.signals.map(({ name }) => name));
  return signals.every(({ name, quiet }) => quiet === true || shown.has(name));
}

/** A request and nothing besides. */
function asked(request: ApprovalRequest): ApprovalRequest {
  const { tenant, principal, tool, digest, grant, reached, holder, reason } = request;
  const { persons, agent, lease, task, operator } = request;
  return {
    tenant,
    principal,
    tool,
    digest,
    installation: { id: request.installation.id, digest: request.installation.digest },
    grant,
    reached,
    holder,
    arguments: request.arguments,
    reason,
    rules: request.rules.slice(0, SHOWN_MAX),
    signals: request.signals
      .slice(0, SHOWN_MAX)
      .map(({ name, note }) => ({ name, note: note.slice(0, NOTE_MAX) })),
    reach: shownReach(request.reach),
    persons,
    agent,
    lease,
    operator,
    ...(task === undefined ? {} : { task }),
  };
}

function get(reader: Reader, tenant: TenantId, id: string): Approval {
  const approval = reader.get(approvalTable, tenant, id);
  if (approval === undefined) {
    throw new WarderError('not-found', 'there is no such approval', {
      hint: '`warder approvals list --state all` shows them',
    });
  }
  return approval;
}

/** The record with the state it has at this time. */
function asOf(approval: Approval, now: number): Approval {
  const timed = approval.state === 'pending' || approval.state === 'approved';
  return timed && now >= approval.expiresAt ? { ...approval, state: 'expired' } : approval;
}

/** One that waits and is what was asked. */
function pendingOf(tx: Tx, tenant: TenantId, id: string, now: number): Approval {
  const approval = asOf(get(tx, tenant, id), now);
  if (approval.state !== 'pending') {
    throw new WarderError('conflict', `the approval \`${id}\` is ${approval.state}`, {
      hint: 'only pending ones can be decided: `warder approvals list`',
    });
  }
  checkSeal(approval);
  return approval;
}

function put(tx: Tx, approval: Approval): Approval {
  tx.put(approvalTable, approval.tenant, approval.id, approval);
  return approval;
}

function checkSeal(approval: Approval): void {
  if (sealHolds(approval)) return;
  throw new WarderError('verification-failed', 'the approval was changed after it was asked for', {
    hint: 'make the call again to ask anew, and find out who writes to the store',
  });
}

function deniedBefore({ id, denial }: Approval): WarderError {
  const why = denial === undefined ? '' : `: ${denial}`;
  return new WarderError('policy-denied', `an operator denied this call${why}`, {
    hint: 'do something else; asking again is possible when the decision has expired',
    data: { approval: id },
  });
}

function unusable(what: string): WarderError {
  return new WarderError('policy-denied', what, {
    hint: 'make the call again without naming an approval, to ask a person anew',
  });
}
