// A lease that an agent asks for: what it says, what it is measured by, and how it can end.

import { canonicalJson } from '../../base/encoding/jcs.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import type { Table, TenantId } from '../../base/store/store.ts';
import { firstOutside } from './capabilities-within.ts';
import type { Capability, Confirmation, Rate } from './lease.ts';

/** What else a lease may be asked to say; a grant may say less. */
export interface AskedLimits {
  /** At most this many calls. */
  readonly maxUses?: number;
  /** At most this many bytes, in and out, of all its calls. */
  readonly maxBytes?: number;
  readonly rate?: Rate;
  /** NumericDate seconds: the latest end it may ever have, signed anew or in leases made from it. */
  readonly maxExp?: number;
  /** `false`: no lease is made from it. */
  readonly delegatable?: boolean;
  /** How many levels of leases may be made below it, to 4; none when absent. */
  readonly maxDepth?: number;
}

/** What is asked for; principal and holder come from the channel. */
export interface AskedLease extends AskedLimits {
  readonly tenant: TenantId;
  readonly agent: string;
  readonly principal: string;
  readonly cnf: Confirmation;
  readonly task: string;
  readonly capabilities: readonly Capability[];
  readonly ttlSeconds: number;
  /** Why, in the agent's words: shown to whoever decides, believed by nobody. */
  readonly reason: string;
  /** The lease it is to be made from: its state key and depth. */
  readonly parent?: { readonly stateKey: string; readonly depth: number };
}

/** What those who said yes left of a request. */
export interface RequestTerms {
  readonly capabilities: readonly Capability[];
  readonly ttlSeconds: number;
}

/** What policy said when it was asked. */
export interface RequestGrounds {
  /** Why a person is asked. */
  readonly why?: string;
  /** How many different persons have to say yes. */
  readonly persons: number;
  /** Opaque ids of the policies that decided. */
  readonly rules: readonly string[];
}

/** One operator's yes. */
export interface RequestYes {
  readonly by: string;
  /** Wall milliseconds. */
  readonly at: number;
}

/** A request as kept; the key is its id. */
export interface LeaseRequest extends AskedLease {
  readonly id: string;
  /** `lapsed`: nobody answered in time, and it was noticed. */
  readonly state: 'pending' | 'granted' | 'denied' | 'withdrawn' | 'lapsed';
  /** SHA-256 over all that was asked and what was said of it so far: what a decision names. */
  readonly digest: string;
  readonly grounds: RequestGrounds;
  readonly yeses: readonly RequestYes[];
  /** Absent while nobody narrowed it. */
  readonly terms?: RequestTerms;
  /** Wall milliseconds. */
  readonly askedAt: number;
  readonly expiresAt: number;
  readonly decidedAt?: number;
  readonly decidedBy?: string;
  readonly denial?: string;
  /** State key of the lease that was granted. */
  readonly lease?: string;
}

/** Where a request stands: granted ones are as their lease is. */
export type RequestState = 'pending' | 'active' | 'denied' | 'released' | 'revoked' | 'expired';

export const leaseRequestTable: Table<LeaseRequest> = {
  name: 'lease-request',
  indexes: {
    principal: (row) => row.principal,
    state: (row) => row.state,
    waiting: (row) => (row.state === 'pending' ? row.principal : undefined),
  },
};

/** What an agent may have: without asking anybody, and at all. */
export interface LeaseCeiling {
  readonly free: { readonly capabilities: readonly Capability[]; readonly ttlSeconds: number };
  readonly most: { readonly capabilities: readonly Capability[]; readonly ttlSeconds: number };
}

/** What would become of a request. */
export type RequestVerdict =
  | { readonly verdict: 'auto_approve' }
  | { readonly verdict: 'route_to_approver' }
  | { readonly verdict: 'hard_deny'; readonly reason: string };

/**
 * Measures a request; spends and writes nothing. What is not within what is free is not free, however it
 * is written: a wider or longer request never falls through to a milder rule.
 *
 * @param lifeSeconds how long it may live in all, as {@link lifeOf} says.
 */
export function judgeRequest(
  asked: Pick<AskedLease, 'capabilities' | 'ttlSeconds'>,
  { free, most }: LeaseCeiling,
  lifeSeconds: number = asked.ttlSeconds,
): RequestVerdict {
  const seconds = Math.max(asked.ttlSeconds, lifeSeconds);
  if (!isTtl(asked.ttlSeconds) || !(seconds <= most.ttlSeconds)) {
    return { verdict: 'hard_deny', reason: `it may last at most ${most.ttlSeconds} s` };
  }
  const at = firstOutside(asked.capabilities, most.capabilities);
  if (at !== undefined) {
    return {
      verdict: 'hard_deny',
      reason: `capabilities[${at}] is beyond what this agent may have`,
    };
  }
  const isFree =
    seconds <= free.ttlSeconds && firstOutside(asked.capabilities, free.capabilities) === undefined;
  return { verdict: isFree ? 'auto_approve' : 'route_to_approver' };
}

/** What may be granted now: what was asked, or what those who said yes left of it. */
export function termsOf(
  request: Pick<LeaseRequest, 'capabilities' | 'ttlSeconds' | 'terms'>,
): RequestTerms {
  const { capabilities, ttlSeconds } = request;
  return request.terms ?? { capabilities, ttlSeconds };
}

/** What a decision about a request is bound to: all that was asked, and what was said of it so far. */
export function requestDigest(
  id: string,
  asked: AskedLease,
  said: Pick<LeaseRequest, 'grounds' | 'yeses' | 'terms'>,
): string {
  const { tenant, agent, principal, cnf, task, capabilities, ttlSeconds, reason } = asked;
  const { maxUses, maxBytes, rate, maxExp, delegatable, maxDepth, parent } = asked;
  const { grounds, yeses, terms } = said;
  // Members that are absent are left out of canonical JSON.
  const whole = {
    id,
    tenant,
    agent,
    principal,
    cnf,
    task,
    capabilities,
    ttlSeconds,
    reason,
    maxUses,
    maxBytes,
    rate,
    maxExp,
    delegatable,
    maxDepth,
    parent,
    grounds,
    yeses,
    terms,
  };
  return sha256Text(canonicalJson(whole), 'hex');
}

export function isTtl(seconds: number): boolean {
  return Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= 86_400;
}

/**
 * How long a lease may live in all, seconds: one that may be signed anew, to its latest end.
 *
 * @param now wall milliseconds.
 */
export function lifeOf(
  { ttlSeconds, maxExp, capabilities }: Pick<AskedLease, 'capabilities' | 'ttlSeconds' | 'maxExp'>,
  now: number,
): number {
  const again = capabilities.some(({ type }) => type === 'lease.refresh');
  if (!again || maxExp === undefined) return ttlSeconds;
  return Math.max(ttlSeconds, maxExp - Math.floor(now / 1000));
}
