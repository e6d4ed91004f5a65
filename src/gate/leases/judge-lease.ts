// What becomes of a request for a lease: measured by the agent's bounds first, then decided by Cedar.

import { WarderError } from '../../base/errors/errors.ts';
import {
  type AskedLease,
  judgeRequest,
  type LeaseCeiling,
  lifeOf,
  type RequestTerms,
} from '../../trust/lease/lease-request.ts';
import { trustIn } from '../circumstances.ts';
import type { LeaseParts } from './lease-parts.ts';

/** The answer; `rules` are the opaque ids of what decided. */
export type LeaseJudgement = {
  readonly rules: readonly string[];
  readonly policyDigest: string;
} & (
  | { readonly verdict: 'auto_approve' }
  | { readonly verdict: 'route_to_approver'; readonly reason: string; readonly persons: number }
  | { readonly verdict: 'hard_deny'; readonly error: WarderError }
);

/**
 * Judges; writes and spends nothing. One that is made from a lease was measured when that was asked for,
 * and only narrows it: policy is asked about it all the same.
 *
 * @param terms what of it may be granted.
 * @param now wall milliseconds.
 * @throws WarderError `unavailable` when what policies look at cannot be found out.
 */
export function judgeLease(
  { gate, ceiling }: Pick<LeaseParts, 'gate' | 'ceiling'>,
  asked: AskedLease,
  terms: RequestTerms,
  now: number,
): LeaseJudgement {
  const { tenant, principal, agent, task, reason, parent } = asked;
  const bounds = measure(ceiling(agent), { ...asked, ...terms }, now);
  if (bounds.verdict === 'hard_deny') {
    const error = new WarderError('lease-refused', `the lease is refused: ${bounds.reason}`, {
      hint: '`lease_describe` tells what this agent may have: ask for less',
    });
    return { verdict: 'hard_deny', error, rules: [], policyDigest: gate.policy.digest };
  }
  const decision = gate.policy.decideLease({
    tenant,
    principal,
    agent,
    task,
    reason,
    ...terms,
    depth: parent === undefined ? 0 : parent.depth + 1,
    free: bounds.verdict === 'auto_approve',
    operator: false,
    now,
    circumstances: trustIn(gate, tenant, principal, now),
  });
  const { rules, policyDigest } = decision;
  switch (decision.kind) {
    case 'granted':
      return { verdict: 'auto_approve', rules, policyDigest };
    case 'approval-required': {
      const { persons } = decision;
      const why = decision.reason === '' ? 'policy asks for a person' : decision.reason;
      return { verdict: 'route_to_approver', reason: why, persons, rules, policyDigest };
    }
    case 'refused':
      return { verdict: 'hard_deny', error: decision.error, rules, policyDigest };
  }
}

function measure(
  ceiling: LeaseCeiling | undefined,
  asked: AskedLease,
  now: number,
): ReturnType<typeof judgeRequest> {
  if (ceiling === undefined) {
    return { verdict: 'hard_deny', reason: 'the configuration names no such agent' };
  }
  if (asked.parent !== undefined) return { verdict: 'auto_approve' };
  return judgeRequest(asked, ceiling, lifeOf(asked, now));
}
