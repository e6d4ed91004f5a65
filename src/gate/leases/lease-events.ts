// The leaves of requests for leases: each step of one leaves one, with its task on it.

import type { LeaseRequest } from '../../trust/lease/lease-request.ts';
import type { PreparedLease } from '../../trust/lease/issue-lease.ts';
import type { WarderError } from '../../base/errors/errors.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import type { RequestStatus } from '../../trust/lease/request-book.ts';
import type { Outcome } from '../../trust/receipt/leaf.ts';
import type { Event } from '../administer.ts';
import type { Caller } from '../door.ts';
import type { LeaseJudgement } from './judge-lease.ts';

/** Most characters of a reason on a receipt. */
const REASON_MAX = 500;

const EFFECTS = {
  auto_approve: 'allow',
  route_to_approver: 'ask',
  hard_deny: 'refuse',
} as const;

/** What happened to a request; the subject is its digest as of then. */
export function requestEvent(
  request: LeaseRequest | RequestStatus,
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
    approval: id,
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

/** Somebody was refused before there was a request. */
export function refusedEvent(
  { tenant, principal, agent }: Caller,
  { code, message }: WarderError,
): Event {
  return {
    type: 'lease',
    outcome: 'refused',
    tenant,
    principal,
    subject: { name: 'agent', sha256: sha256Text(agent, 'hex') },
    code,
    reason: message.slice(0, REASON_MAX),
    detail: { agent },
  };
}

function decisionOf(judged: LeaseJudgement, latencyUs: number): NonNullable<Event['decision']> {
  const { verdict, rules, policyDigest } = judged;
  return { effect: EFFECTS[verdict], rules, policyDigest, latencyUs };
}
