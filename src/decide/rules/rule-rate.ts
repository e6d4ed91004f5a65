// The rate of a rule as a budget, and which calls it counts: those its selectors fit, while its window
// is open, whichever rule lets them run.

import { type CompiledBudget, compileBudget } from '../limits/budget.ts';
import { type CallAsked, compileSelector } from './conditions.ts';
import type { DeclaredRule } from './rule.ts';
import { isOpen, wallTime } from './window.ts';

export interface RuleRate {
  /** All that makes it what it is, for the digest of a set. */
  readonly terms: unknown;
  /** Named `rule:NAME`, which no budget of an operator can be. */
  readonly budget: CompiledBudget;
  readonly counts: (call: CallAsked) => boolean;
}

/** The rate of a rule; undefined when it has none. */
export function rateOf(rule: DeclaredRule): RuleRate | undefined {
  const { rate, when } = rule;
  if (rate === undefined) return undefined;
  const { calls, per, zone, each } = rate;
  // What the rule names in either reading: nothing it allows goes uncounted.
  const selects = rule.selectors.map((selector) => {
    const [any, every] = [compileSelector(selector, 'any'), compileSelector(selector, 'every')];
    return (call: CallAsked): boolean => any(call) || every(call);
  });
  return {
    terms: { name: rule.name, rate, selectors: rule.selectors, when: when ?? null },
    budget: compileBudget({
      name: `rule:${rule.name}`,
      measure: 'calls',
      limit: calls,
      period: per,
      ...(zone === undefined ? {} : { zone }),
      scope: {},
      each,
    }),
    counts: (call) =>
      selects.every((fits) => fits(call)) &&
      (when === undefined || isOpen(when, wallTime(when.zone, call.now))),
  };
}
