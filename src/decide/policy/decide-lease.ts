// Decides a request for a lease: granted, refused, or for a person to decide. Pure.

import type { WarderError } from '../../base/errors/errors.ts';
import { judgeBy } from './judge.ts';
import { type LeaseQuestion, leaseQuestionOf } from './lease-question.ts';
import type { PolicySet } from './policy-set.ts';
import { personsOf } from './policy-source.ts';
import { refusedByError, refusedByPolicy } from './refusals.ts';
import { leaseConditions } from './rule-conditions.ts';

/** The outcome. `rules` are the opaque ids of what decided. */
export type LeaseDecision = { readonly rules: readonly string[]; readonly policyDigest: string } & (
  | { readonly kind: 'granted' }
  | { readonly kind: 'refused'; readonly error: WarderError; readonly faults: readonly string[] }
  | {
      readonly kind: 'approval-required';
      readonly reason: string;
      /** How many different persons have to say yes. */
      readonly persons: number;
    }
);

/** Decides. Never throws: what cannot be judged is refused. */
export function decideLease(policies: PolicySet, asked: LeaseQuestion): LeaseDecision {
  const conditions = leaseConditions(policies, asked);
  const judged = judgeBy(policies, (approved) =>
    leaseQuestionOf(policies.needs, asked, approved, conditions),
  );
  const grounds = {
    rules: judged.rules.map(({ rule }) => rule).sort(),
    policyDigest: policies.digest,
  };
  switch (judged.verdict) {
    case 'allow':
      return { kind: 'granted', ...grounds };
    case 'refuse':
      return {
        kind: 'refused',
        error: refusedByPolicy(WHAT, judged.rules),
        faults: [],
        ...grounds,
      };
    case 'error': {
      const error = refusedByError(WHAT, judged.rules);
      return { kind: 'refused', error, faults: judged.reasons, ...grounds };
    }
    case 'ask': {
      const reasons = new Set(judged.rules.flatMap(({ approval }) => approval ?? []));
      const persons = personsOf(judged.rules);
      return { kind: 'approval-required', reason: [...reasons].join('; '), persons, ...grounds };
    }
  }
}

const WHAT = 'lease';
