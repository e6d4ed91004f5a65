// Asks policy about one call, with the approval a person gave for exactly this call, if there is one.

import { WarderError } from '../base/errors/errors.ts';
import type { FoundTool } from '../catalog/catalog.ts';
import { type ApprovalBinding, bindingOf, givenBy } from '../decide/approval/approval.ts';
import type { Risk } from '../decide/policy/circumstances.ts';
import type { Decision } from '../decide/policy/decide.ts';
import type { ToolCall } from '../decide/request/tool-call.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import { circumstancesOf } from './circumstances.ts';
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
  readonly risk: Risk;
}

type Of<Kind> = Extract<Decision, { kind: Kind }>;

/** A call that waits for a person; `binding` is what a yes would be bound to. */
export type HeldCall = Of<'approval-required'> & { readonly binding: ApprovalBinding };
/** The decision; `use` is the approval that the intent's transaction has to use up. */
export type DecidedCall =
  | (Of<'permit'> & { readonly use?: ApprovalBinding & { readonly id: string } })
  | Of<'refused'>
  | HeldCall;

/**
 * Decides. Only when policy asks for a person is a granted approval looked for, and the same call
 * decided again with it in force. An approval that names another call than this one is none.
 *
 * @throws WarderError `policy-denied` when the request names an approval that does not let it run.
 */
export function decideCall(gate: GateParts, about: DecidableCall): DecidedCall {
  const { caller, call, found, lease, now, request } = about;
  const { tenant, principal, agent } = caller;
  const { installation, definition } = found;
  const question = {
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
    circumstances: { ...circumstancesOf(gate, about), risk: about.risk },
  };
  const decision = gate.policy.decide(question);
  if (decision.kind !== 'approval-required') return decision;
  const { reach } = decision;
  const binding = bindingOf({ tenant, principal, agent, call, installation, lease, reach });
  const approval = gate.approvals.findApproved(binding, decision, now);
  if (request.approval !== undefined && approval?.id !== request.approval) {
    throw new WarderError('policy-denied', 'the named approval does not let this call run', {
      hint: 'it is used once, for the same tool, arguments, agent and grant, while it lasts',
    });
  }
  if (approval === undefined) return { ...decision, binding };
  const { id } = approval;
  const again = gate.policy.decide({ ...question, approval: givenBy(approval) });
  switch (again.kind) {
    case 'permit':
      return { ...again, use: { ...binding, id } };
    case 'refused':
      return again;
    case 'approval-required':
      return { ...again, binding };
  }
}
