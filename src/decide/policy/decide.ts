// Decides one call: lease, grant and Cedar together, and the only maker of permits. Pure: the time is
// handed in, nothing is read or written.

import { WarderError } from '../../base/errors/errors.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { Installation, ToolDefinition } from '../../catalog/installation.ts';
import type { CheckedLease } from '../../trust/lease/lease.ts';
import type { ToolCall } from '../request/tool-call.ts';
import { makePermit, type Permit } from './permit.ts';
import type { Rule } from './policy-source.ts';
import type { PolicySet } from './policy-set.ts';
import { questionOf } from './question.ts';
import { effectsOf, type Reach, reachOf } from './reach.ts';
import { refusedByError, refusedByLease, refusedByPolicy } from './refusals.ts';

/** What is decided about. */
export interface DecisionInput {
  readonly call: ToolCall;
  readonly definition: ToolDefinition;
  readonly installation: Installation;
  readonly lease: CheckedLease;
  /** From the channel, never from an argument. */
  readonly principal: string;
  readonly tenant: TenantId;
  /** Name of the agent whose channel this is. */
  readonly agent?: string;
  /** Whether the call came over the operator channel. It passes the same policies. */
  readonly operator: boolean;
  /** A person's approval of this very call, not yet consumed. */
  readonly approval?: ApprovalTerms;
  /** Wall milliseconds. */
  readonly now: number;
  readonly callId: string;
}

/** What of an approval matters here; `approval` checks the rest when it is consumed. */
export interface ApprovalTerms {
  readonly id: string;
  /** Digest of the call that was approved. */
  readonly digest: string;
}

interface Grounds {
  /** Opaque ids of the determining rules. */
  readonly rules: readonly string[];
  readonly policyDigest: string;
}

/** The outcome of deciding. */
export type Decision =
  | (Grounds & {
      readonly kind: 'permit';
      readonly permit: Permit;
      /** Id of the approval the permit rests on: it must be consumed before anything runs. */
      readonly approval?: string;
    })
  | (Grounds & {
      readonly kind: 'refused';
      readonly error: WarderError;
      /** For operators and logs only: what went wrong while deciding. */
      readonly faults: readonly string[];
    })
  | (Grounds & {
      readonly kind: 'approval-required';
      /** Why a person is asked, from the policies. */
      readonly reason: string;
      /** What the permit would let the tool do, one line each. */
      readonly effects: readonly string[];
    });

/** How long a permitted call may wait in line for an executor before its own time limit starts. */
const MARGIN_MS = 60_000;

/** Decides one call. Never throws: what cannot be decided is refused. */
export function decide(policies: PolicySet, input: DecisionInput): Decision {
  try {
    return decideOrThrow(policies, input);
  } catch (thrown) {
    const fault = thrown instanceof Error ? thrown.message : String(thrown);
    const error = thrown instanceof WarderError ? thrown : refusedByError(input.call.tool, []);
    return { kind: 'refused', error, faults: [fault], ...grounds(policies, []) };
  }
}

function decideOrThrow(policies: PolicySet, input: DecisionInput): Decision {
  const { call, lease, installation } = input;
  const refusal = refusedByLease(input);
  if (refusal !== undefined) {
    return { kind: 'refused', error: refusal, faults: [], ...grounds(policies, []) };
  }
  const reach = reachOf(installation.grant, lease.claims.authorization_details);
  const answer = policies.ask(questionOf(policies.needs, input, reach, false));

  switch (answer.verdict) {
    case 'error': {
      const error = refusedByError(call.tool, answer.rules);
      return { kind: 'refused', error, faults: answer.reasons, ...grounds(policies, answer.rules) };
    }
    case 'allow':
      return { kind: 'permit', permit: permit(input, reach), ...grounds(policies, answer.rules) };
    case 'deny': {
      const asking = answer.rules;
      if (!liftable(asking) || !allowedOnceApproved(policies, input, reach)) {
        const error = refusedByPolicy(call.tool, asking);
        return { kind: 'refused', error, faults: [], ...grounds(policies, asking) };
      }
      if (input.approval === undefined) {
        const reasons = new Set(asking.map(({ approval }) => approval));
        return {
          kind: 'approval-required',
          reason: [...reasons].join('; '),
          effects: effectsOf(reach),
          ...grounds(policies, asking),
        };
      }
      if (input.approval.digest !== call.digest) {
        throw new WarderError('policy-denied', 'the approval is for another call', {
          hint: 'make the approved call again, with the same arguments',
        });
      }
      return {
        kind: 'permit',
        permit: permit(input, reach),
        approval: input.approval.id,
        ...grounds(policies, asking),
      };
    }
  }
}

/** Whether every policy that says no is one that a person's yes can answer. */
function liftable(denying: readonly Rule[]): boolean {
  return denying.length > 0 && denying.every(({ approval }) => approval !== undefined);
}

function allowedOnceApproved(policies: PolicySet, input: DecisionInput, reach: Reach): boolean {
  return policies.ask(questionOf(policies.needs, input, reach, true)).verdict === 'allow';
}

function grounds(policies: PolicySet, rules: readonly Rule[]): Grounds {
  return { rules: rules.map(({ rule }) => rule).sort(), policyDigest: policies.digest };
}

function permit(input: DecisionInput, reach: Reach): Permit {
  const { call, installation, lease, now } = input;
  return makePermit({
    callId: input.callId,
    tenant: input.tenant,
    principal: input.principal,
    tool: call.tool,
    callDigest: call.digest,
    installation,
    lease: lease.stateKey,
    ...reach,
    expiresAt: Math.min(lease.claims.exp * 1000, now + reach.limits.timeoutMs + MARGIN_MS),
  });
}
