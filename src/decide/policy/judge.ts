// What a policy set says of one call or request: yes, no, or ask a person. Makes no permit; `decide.ts` does.

import type { Rule } from './policy-source.ts';
import type { PolicyQuestion, PolicySet } from './policy-set.ts';
import { type QuestionFacts, questionOf } from './question.ts';
import type { Reach } from './reach.ts';
import { callConditions } from './rule-conditions.ts';

/** The judgement and the policies it rests on. */
export type Judgement =
  | { readonly verdict: 'allow' | 'refuse' | 'ask'; readonly rules: readonly Rule[] }
  /** It could not be judged, which is a refusal. */
  | {
      readonly verdict: 'error';
      readonly rules: readonly Rule[];
      readonly reasons: readonly string[];
    };

/** Judges a call. `ask` means that a person's yes, and nothing else, would allow it. */
export function judge(policies: PolicySet, facts: QuestionFacts, reach: Reach): Judgement {
  const conditions = callConditions(policies, facts, reach);
  return judgeBy(policies, (approved) =>
    questionOf(policies.needs, facts, reach, approved, conditions),
  );
}

/** Judges whatever can be put with and without a person's yes. */
export function judgeBy(
  policies: PolicySet,
  question: (approved: boolean) => PolicyQuestion,
): Judgement {
  const answer = policies.ask(question(false));
  if (answer.verdict !== 'deny') return answer;
  const { rules } = answer;
  const liftable = rules.length > 0 && rules.every(({ approval }) => approval !== undefined);
  const asks = liftable && policies.ask(question(true)).verdict === 'allow';
  return { verdict: asks ? 'ask' : 'refuse', rules };
}
