// What a call would come to and of what that is made: the grant, the lease with its chain, the approval,
// and what they leave. Nothing is run, spent or written, beyond the lease of the connection.

import { asWarderError } from '../base/errors/errors.ts';
import { ulid } from '../base/encoding/ulid.ts';
import type { Installation } from '../catalog/installation.ts';
import { checkArguments } from '../catalog/schemas.ts';
import type { Approval } from '../decide/approval/approval.ts';
import type { Risk } from '../decide/policy/circumstances.ts';
import type { PermitTerms } from '../decide/policy/permit.ts';
import type { Reach } from '../decide/policy/reach.ts';
import { parseToolCall } from '../decide/request/parse-tool-call.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import { assessed } from './assess.ts';
import { type DecidedCall, decideCall } from './decide-call.ts';
import { type Caller, type CallRequest, type Preview, toProve } from './door.ts';
import type { GateParts } from './parts.ts';

/** As far as the call came before it was refused, if it was. */
export interface CallExplanation {
  readonly preview: Preview;
  readonly installation?: Installation;
  readonly lease?: CheckedLease;
  readonly risk?: Risk;
  /** The approval the permit would use up. */
  readonly approval?: Approval;
  /** What is left of all of them; of a call that waits for a person, what an unlimited yes would leave. */
  readonly reach?: Reach & Partial<Pick<PermitTerms, 'expiresAt' | 'cost'>>;
}

/** Explains a call. Never rejects: what cannot be decided is refused. */
export async function explainCall(
  gate: GateParts,
  caller: Caller,
  request: CallRequest,
): Promise<CallExplanation> {
  let known: Pick<CallExplanation, 'installation' | 'lease' | 'risk'> = {};
  try {
    const now = gate.now();
    const id = `call_${ulid(now, gate.random(10))}`;
    const call = parseToolCall(request.tool, request.arguments, gate.limits);
    const found = gate.catalog.find(caller.tenant, call.tool);
    known = { installation: found.installation };
    checkArguments(found.definition, call.arguments);
    const lease = await caller.lease(now, toProve(call, found));
    known = { ...known, lease };
    const risk = await gate.risk.assess(assessed({ caller, call, found, now }));
    known = { ...known, risk };
    const decided = decideCall(gate, { id, now, caller, request, call, found, lease, risk });
    return { preview: previewOf(decided), ...known, ...outcomeOf(gate, decided, now) };
  } catch (thrown) {
    return { preview: { verdict: 'hard_deny', error: asWarderError(thrown) }, ...known };
  }
}

function previewOf(decided: DecidedCall): Preview {
  switch (decided.kind) {
    case 'permit':
      return { verdict: 'auto_approve', rules: decided.rules };
    case 'approval-required':
      return { verdict: 'route_to_approver', reason: decided.reason, rules: decided.rules };
    case 'refused':
      return { verdict: 'hard_deny', error: decided.error };
  }
}

function outcomeOf(
  { approvals }: GateParts,
  decided: DecidedCall,
  now: number,
): Pick<CallExplanation, 'approval' | 'reach'> {
  switch (decided.kind) {
    case 'permit': {
      const { terms } = decided.permit;
      const { use } = decided;
      if (use === undefined) return { reach: terms };
      return { reach: terms, approval: approvals.show(terms.tenant, use.id, now) };
    }
    case 'approval-required':
      return { reach: decided.reach };
    case 'refused':
      return {};
  }
}
