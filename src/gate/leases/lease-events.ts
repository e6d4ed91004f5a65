// The leaves of requests for leases: each step of one leaves one, with its task on it.

import type { LeaseRequest } from '../../trust/lease/lease-request.ts';
import type { PreparedLease } from '../../trust/lease/issue-lease.ts';
import type { Outcome } from '../../trust/receipt/leaf.ts';
import type { Event } from '../administer.ts';
import type { LeaseJudgement } from './judge-lease.ts';

const EFFECTS = {
  auto_approve: 'allow',
  route_to_approver: 'ask',
  hard_deny: 'refuse',
} as const;

/** What happened to a request; the subject is its digest as of then. */
export function requestEvent(
  request: LeaseRequest,
  outcome: Outcome,
  more: Partial<Event> & { readonly judged?: LeaseJudgement; readonly latencyUs?: number } = {},
): Event {
  const { judged, latencyUs = 0, detail, ...rest } = more;
  const { id, tenant, agent, principal, task, digest, lease } = request;
  return {
    type: 'lease',
    outcome,
    tenant,
    principal,
    task,
    subject: { name: 'lease-request', sha256: digest },
    ...(lease === undefined ? {} : { lease }),
    ...(judged === undefined ? {} : { decision: decisionOf(judged, latencyUs) }),
    ...rest,
    detail: { agent, request: id, ...detail },
  };
}

/** A lease was granted to a request. */
export function issuedEvent(request: LeaseRequest, { claims, digest }: PreparedLease): Event {
  return requestEvent(request, 'issued', {
    subject: { name: 'lease', sha256: digest },
    detail: { expires: claims.exp },
  });
}

function decisionOf(judged: LeaseJudgement, latencyUs: number): NonNullable<Event['decision']> {
  const { verdict, rules, policyDigest } = judged;
  return { effect: EFFECTS[verdict], rules, policyDigest, latencyUs };
}
