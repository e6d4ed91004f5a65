// A lease that an agent asks for: what it says, what it is measured by, and how it can end.

import { canonicalJson } from '../../base/encoding/jcs.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import type { Table, TenantId } from '../../base/store/store.ts';
import { firstOutside } from './capabilities-within.ts';
import type { Capability, Confirmation } from './lease.ts';

/** What is asked for; principal and holder come from the channel. */
export interface AskedLease {
  readonly tenant: TenantId;
  readonly agent: string;
  readonly principal: string;
  readonly cnf: Confirmation;
  readonly task: string;
  readonly capabilities: readonly Capability[];
  readonly ttlSeconds: number;
  /** Why, in the agent's words: shown to whoever decides, believed by nobody. */
  readonly reason: string;
}

/** A request as kept; the key is its id. */
export interface LeaseRequest extends AskedLease {
  readonly id: string;
  readonly state: 'pending' | 'granted' | 'denied';
  /** SHA-256 over all that was asked: what a decision names. */
  readonly digest: string;
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
 */
export function judgeRequest(
  asked: Pick<AskedLease, 'capabilities' | 'ttlSeconds'>,
  { free, most }: LeaseCeiling,
): RequestVerdict {
  if (!isTtl(asked.ttlSeconds) || asked.ttlSeconds > most.ttlSeconds) {
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
    asked.ttlSeconds <= free.ttlSeconds &&
    firstOutside(asked.capabilities, free.capabilities) === undefined;
  return { verdict: isFree ? 'auto_approve' : 'route_to_approver' };
}

/** What a decision about a request is bound to. */
export function requestDigest(id: string, asked: AskedLease): string {
  const { tenant, agent, principal, cnf, task, capabilities, ttlSeconds, reason } = asked;
  return sha256Text(
    canonicalJson({ id, tenant, agent, principal, cnf, task, capabilities, ttlSeconds, reason }),
    'hex',
  );
}

export function isTtl(seconds: number): boolean {
  return Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= 86_400;
}
