// Decides one call: lease, grant and Cedar together, and the only maker of permits. Pure: the time is
// handed in, nothing is read or written.

import { WarderError } from '../../base/errors/errors.ts';
import { activeCapabilities, firstEnd } from '../../trust/lease/action.ts';
import type { CheckedLease } from '../../trust/lease/lease.ts';
import { costOf } from '../limits/cost.ts';
import { type ApprovalTerms, endOfTerms, narrowReach } from './approval-terms.ts';
import type { Risk, RiskSignal } from './circumstances.ts';
import { makePermit, type Permit } from './permit.ts';
import { personsOf, type Rule } from './policy-source.ts';
import type { PolicySet } from './policy-set.ts';
import { judge } from './judge.ts';
import type { QuestionFacts } from './question.ts';
import { effectsOf, type Reach, reachOf } from './reach.ts';
import { refusedByError, refusedByLease, refusedByPolicy, refusedByRisk } from './refusals.ts';

/** What is decided about. */
export interface DecisionInput extends QuestionFacts {
  readonly lease: CheckedLease;
  /** A person's approval of this very call, not yet consumed. */
  readonly approval?: GivenApproval;
  readonly callId: string;
}

/** What of an approval matters here; `approval` checks the rest when it is consumed. */
export interface GivenApproval {
  readonly id: string;
  /** Digest of the call that was approved. */
  readonly digest: string;
  /** How many different persons said yes. */
  readonly persons: number;
  /** What they limited it to: all of it holds. */
  readonly terms: readonly ApprovalTerms[];
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
      /** What makes the call risky, for the person who is asked. */
      readonly signals: readonly RiskSignal[];
      /** How many different persons have to say yes. */
      readonly persons: number;
      /** What the call could reach with an unlimited yes. */
      readonly reach: Reach;
      /** The same, one line each. */
      readonly effects: readonly string[];
    });

/** How long a permitted call may wait in line for an executor before its own time limit starts. */
const MARGIN_MS = 60_000;

const NO_RISK: Risk = { signals: [], verdict: 'none' };

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
  const capabilities = activeCapabilities(lease.claims.authorization_details, input.now);
  const reach = reachOf(installation.grant, capabilities);
  const judged = judge(policies, input, reach);
  const { rules } = judged;
  if (judged.verdict === 'error') {
    const error = refusedByError(call.tool, rules);
    return { kind: 'refused', error, faults: judged.reasons, ...grounds(policies, rules) };
  }
  const risk = input.circumstances?.risk ?? NO_RISK;
  if (risk.verdict === 'refuse') {
    const error = refusedByRisk(call.tool, risk);
    return { kind: 'refused', error, faults: [], ...grounds(policies, rules) };
  }
  // A risk asks where policies would not.
  const asks = judged.verdict === 'allow' && risk.verdict === 'ask';
  switch (asks ? 'ask' : judged.verdict) {
    case 'refuse': {
      const error = refusedByPolicy(call.tool, rules);
      return { kind: 'refused', error, faults: [], ...grounds(policies, rules) };
    }
    case 'allow':
      return { kind: 'permit', permit: permit(input, reach), ...grounds(policies, rules) };
    case 'ask': {
      const persons = personsOf(rules);
      const { approval } = input;
      if (approval === undefined || approval.persons < persons) {
        const reasons = new Set(rules.flatMap((rule) => rule.approval ?? []));
        for (const { note, quiet } of risk.signals) if (quiet !== true) reasons.add(note);
        return {
          kind: 'approval-required',
          reason: [...reasons].join('; '),
          signals: risk.signals,
          persons,
          reach,
          effects: effectsOf(reach),
          ...grounds(policies, rules),
        };
      }
      return approved(policies, input, approval, { reach, rules });
    }
  }
}

/** The permit of a call that persons said yes to: for no more than every one of them allowed. */
function approved(
  policies: PolicySet,
  input: DecisionInput,
  approval: GivenApproval,
  { reach, rules }: { readonly reach: Reach; readonly rules: readonly Rule[] },
): Decision {
  const { call, now } = input;
  if (approval.digest !== call.digest) {
    throw new WarderError('policy-denied', 'the approval is for another call', {
      hint: 'make the approved call again, with the same arguments',
    });
  }
  const { terms } = approval;
  const narrow = narrowReach(reach, terms, now);
  if (terms.length > 0) {
    // Policies see what the permit will hold, and have to allow that too.
    const again = judge(policies, input, narrow);
    if (again.verdict === 'error') {
      const error = refusedByError(call.tool, again.rules);
      return { kind: 'refused', error, faults: again.reasons, ...grounds(policies, again.rules) };
    }
    if (again.verdict === 'refuse') {
      const error = refusedByPolicy(call.tool, again.rules);
      return { kind: 'refused', error, faults: [], ...grounds(policies, again.rules) };
    }
  }
  return {
    kind: 'permit',
    permit: permit(input, narrow, endOfTerms(terms, now)),
    approval: approval.id,
    ...grounds(policies, rules),
  };
}

function grounds(policies: PolicySet, rules: readonly Rule[]): Grounds {
  return { rules: rules.map(({ rule }) => rule).sort(), policyDigest: policies.digest };
}

/** @param end wall milliseconds after which it ends in any case. */
function permit(input: DecisionInput, reach: Reach, end = Infinity): Permit {
  const { call, installation, lease, now } = input;
  const cost = costOf(installation.grant.prices, call.tool, call.arguments);
  return makePermit({
    callId: input.callId,
    tenant: input.tenant,
    principal: input.principal,
    tool: call.tool,
    callDigest: call.digest,
    installation,
    lease: lease.stateKey,
    ...reach,
    ...(cost === undefined ? {} : { cost }),
    expiresAt: Math.min(
      end,
      lease.claims.exp * 1000,
      firstEnd(activeCapabilities(lease.claims.authorization_details, now)),
      now + reach.limits.timeoutMs + MARGIN_MS,
    ),
  });
}
