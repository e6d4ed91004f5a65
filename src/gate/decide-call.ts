// Asks policy about one call, with the approval a person gave for exactly this call, if there is one.

import { WarderError } from '../base/errors/errors.ts';
import type { FoundTool } from '../catalog/catalog.ts';
import { type ApprovalBinding, bindingOf } from '../decide/approval/approval.ts';
import type { Decision } from '../decide/policy/decide.ts';
import type { ToolCall } from '../decide/request/tool-call.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import type { Caller, CallRequest } from './door.ts';
import type { GateParts } from './parts.ts';

/** Everything a decision is about. */
export interface DecidableCall {
  readonly id: string;
  readonly now: number;
  readonly caller: Caller;
  readonly request: CallRequest;
  readonly call: ToolCall;
  readonly found: FoundTool;
  readonly lease: CheckedLease;
}

/** The decision, and what an approval of this call is bound to. */
export type DecidedCall = Decision & { readonly binding: ApprovalBinding };
/** A call that waits for a person. */
export type HeldCall = Extract<DecidedCall, { kind: 'approval-required' }>;

/**
 * Decides. An approval that names another call than this one is no approval of it.
 */
export function decideCall(gate: GateParts, about: DecidableCall): DecidedCall {
  const { caller, call, found, lease, now, request } = about;
  const { tenant, principal, agent } = caller;
  const { installation, definition } = found;
  const binding = bindingOf({ tenant, principal, agent, call, installation, lease });
  const approval = gate.approvals.findApproved(binding, now);
  if (request.approval !== undefined && approval?.id !== request.approval) {
    throw new WarderError('policy-denied', 'the named approval does not let this call run', {
      hint: 'it is used once, for the same tool, arguments, agent and grant, while it lasts',
    });
  }
  const decision = gate.policy.decide({
    call,
    definition,
    installation,
    lease,
    principal,
    tenant,
    agent,
    operator: caller.operator,
    now,
    callId: about.id,
    ...(approval === undefined ? {} : { approval: { id: approval.id, digest: approval.digest } }),
  });
  return { ...decision, binding };
}
