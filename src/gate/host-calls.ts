// Serves running guests: every host call re-checks the permit and the lease, then goes to egress, files or kv.

import type { Clock } from '../base/clock/clock.ts';
import { asWarderError } from '../base/errors/errors.ts';
import type { Store, Tx } from '../base/store/store.ts';
import { assertPermit, type Permit } from '../decide/policy/permit.ts';
import type { Egress, EgressSession } from '../reach/egress/egress.ts';
import type { Files, FilesSession } from '../reach/files/files.ts';
import { type KvSession, openKvSession } from '../reach/kv/kv.ts';
import type { HostCalls, HostReply, HostRequest } from '../run/sandbox/host-calls.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import type { LeaseBook } from '../trust/lease/lease-book.ts';
import type { Effect } from '../trust/receipt/leaf.ts';

/** Distinct targets kept per call; what follows is counted by kind and state alone. */
const EFFECTS_MAX = 64;
const FURTHER = '(further targets)';

type Counted = { -readonly [Key in keyof Effect]: Effect[Key] };

/** One running call's reach: what it has used, and what it did. */
export class CallSession {
  readonly permit: Permit;
  readonly lease: CheckedLease;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #egress: Egress;
  readonly #files: Files;
  #kv: KvSession | undefined;
  #net: EgressSession | undefined;
  #disk: FilesSession | undefined;
  readonly #effects = new Map<string, Counted>();

  constructor(
    permit: Permit,
    lease: CheckedLease,
    parts: Pick<HostCallParts, 'store' | 'clock' | 'egress' | 'files'>,
  ) {
    this.permit = permit;
    this.lease = lease;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#egress = parts.egress;
    this.#files = parts.files;
  }

  get kv(): KvSession {
    this.#kv ??= openKvSession(this.permit, this.#store, { clock: this.#clock });
    return this.#kv;
  }

  get net(): EgressSession {
    this.#net ??= this.#egress.open(this.permit, (effect) => this.record(effect));
    return this.#net;
  }

  get files(): FilesSession {
    this.#disk ??= this.#files.open(this.permit, (effect) => this.record(effect));
    return this.#disk;
  }

  /** How many times a secret was masked in what came back to the call. */
  get masked(): number {
    return this.#net?.masked ?? 0;
  }

  /** The call is over: what it left open is closed. */
  end(): void {
    this.#net?.close();
    this.#disk?.close();
  }

  /** Puts what the guest wrote into the outcome's transaction. Throws WarderError `limit-reached`. */
  applyKv(tx: Tx): void {
    this.#kv?.apply(tx);
  }

  /** What the guest did, repeated ones folded; of a request under way nobody knows more than `sent`. */
  effects(): readonly Effect[] {
    return [
      ...this.#effects.values(),
      ...(this.#net?.underWay() ?? []),
      ...(this.#disk?.underWay() ?? []),
    ];
  }

  /** Whether a request left and its answer never came. */
  unanswered(): boolean {
    return this.effects().some((effect) => effect.state === 'sent');
  }

  record(effect: Omit<Effect, 'count'>): void {
    const group = `${effect.kind} ${effect.state} `;
    const known = this.#effects.get(group + effect.target);
    const target =
      known !== undefined || this.#effects.size < EFFECTS_MAX ? effect.target : FURTHER;
    const same = known ?? this.#effects.get(group + target);
    if (same === undefined) {
      this.#effects.set(group + target, { ...effect, target, count: 1 });
    } else {
      same.count += 1;
      same.bytes += effect.bytes;
    }
  }
}

export interface HostCallParts {
  readonly clock: Clock;
  readonly store: Store;
  readonly leases: LeaseBook;
  readonly egress: Egress;
  readonly files: Files;
}

/** The open sessions, and the {@link HostCalls} the sandbox is given. */
export class CallSessions implements HostCalls {
  readonly #parts: HostCallParts;
  readonly #open = new Map<string, CallSession>();

  constructor(parts: HostCallParts) {
    this.#parts = parts;
  }

  open(permit: Permit, lease: CheckedLease): CallSession {
    assertPermit(permit);
    const session = new CallSession(permit, lease, this.#parts);
    this.#open.set(permit.terms.callId, session);
    // Starts while the guest does, so that its first request does not wait for a process.
    if (permit.terms.allowNet.length > 0) this.#parts.egress.warm();
    return session;
  }

  close(session: CallSession): void {
    this.#open.delete(session.permit.terms.callId);
    session.end();
  }

  async serve(permit: Permit, request: HostRequest, signal: AbortSignal): Promise<HostReply> {
    assertPermit(permit);
    const session = this.#open.get(permit.terms.callId);
    if (session?.permit !== permit) return denied('this call is over');
    const now = this.#parts.clock.wall();
    if (now >= permit.terms.expiresAt) return denied('the permit of this call has expired');
    if (!this.#parts.leases.isLive(session.lease, now)) {
      return denied('the lease of this call was revoked or has expired');
    }
    try {
      const { reply, effect } = await this.#dispatch(session, request, signal);
      if (effect !== undefined) session.record(effect);
      return reply;
    } catch (thrown) {
      return { ok: false, code: 'failed', message: asWarderError(thrown).message };
    }
  }

  async #dispatch(
    session: CallSession,
    request: HostRequest,
    signal: AbortSignal,
  ): Promise<{ readonly reply: HostReply; readonly effect?: Omit<Effect, 'count'> }> {
    switch (request.op) {
      case 'http':
        return { reply: await session.net.fetch(request, signal) };
      case 'http-open':
      case 'http-write':
      case 'http-finish':
      case 'http-read':
      case 'http-close':
        return { reply: await session.net.stream(request, signal) };
      case 'kv-get':
        return session.kv.get(request.key);
      case 'kv-set':
        return session.kv.set(request.key, request.value);
      case 'kv-delete':
        return session.kv.delete(request.key);
      case 'kv-list':
        return session.kv.list(request.prefix);
      default:
        return { reply: await session.files.serve(request, signal) };
    }
  }
}

function denied(message: string): HostReply {
  return { ok: false, code: 'denied', message };
}
