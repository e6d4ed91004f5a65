// Ready-made questions to a person about calls of `support/decision.ts`.

import {
  type ApprovalBinding,
  type ApprovalRequest,
  bindingOf,
} from '../../src/decide/approval/approval.ts';
import type { DecisionInput } from '../../src/decide/policy/decide.ts';
import { type Reach, reachOf } from '../../src/decide/policy/reach.ts';

/** What the call of a decision could reach. */
export function reachIn({
  installation,
  lease,
}: Pick<DecisionInput, 'installation' | 'lease'>): Reach {
  return reachOf(installation.grant, lease.claims.authorization_details);
}

/** What a yes to the call of a decision is bound to. */
export function bindingIn(input: DecisionInput): ApprovalBinding {
  return bindingOf({ ...input, agent: input.agent ?? 'default', reach: reachIn(input) });
}

/** The question about the call of a decision; vary the rest. */
export function questionIn(
  input: DecisionInput,
  change: Partial<ApprovalRequest> = {},
): ApprovalRequest {
  return {
    ...bindingIn(input),
    arguments: input.call.arguments,
    reason: 'it reaches out',
    rules: [],
    signals: [],
    reach: reachIn(input),
    persons: 1,
    agent: input.agent ?? 'default',
    lease: input.lease.stateKey,
    operator: false,
    ...change,
  };
}
