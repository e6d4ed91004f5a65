// Whatever a risk says, for every policy, grant and approval: the outcome is at least as strict as without
// it, and a risk of `none` changes nothing.

import { beforeAll, expect, test } from 'vitest';
import type { Decision, DecisionInput } from '../../../../src/decide/policy/decide.ts';
import type { PolicyHolder } from '../../../../src/decide/policy/policy-holder.ts';
import { signalNames } from '../../../../src/decide/risk/signals.ts';
import { holderOf, inputOf, leaseOf, PERMIT_ALL } from '../../../support/decision.ts';

const ASKS = '@approval("why") forbid (principal, action, resource) unless { context.approved };';
const POLICIES: readonly (readonly string[])[] = [
  [],
  [PERMIT_ALL],
  [PERMIT_ALL, ASKS],
  [PERMIT_ALL, 'forbid (principal, action, resource);'],
  [PERMIT_ALL, 'forbid (principal, action, resource) when { context.args.count > 3 };'],
  [ASKS],
];
const STRICTNESS = { permit: 0, 'approval-required': 1, refused: 2 } as const;
const VERDICTS = ['none', 'ask', 'refuse'] as const;

let holders: readonly PolicyHolder[];
beforeAll(async () => {
  holders = await Promise.all(POLICIES.map((texts) => holderOf(...texts)));
});

function* inputs(): Generator<DecisionInput> {
  for (const count of [1, 9]) {
    for (const lease of [leaseOf(), leaseOf([{ type: 'tool.call', tools: ['other'] }])]) {
      const input = inputOf({ text: 'x', count }, { lease });
      yield input;
      const { digest } = input.call;
      yield { ...input, approval: { id: 'a', digest, persons: 1, terms: [] } };
      yield { ...input, approval: { id: 'a', digest: 'other', persons: 1, terms: [] } };
    }
  }
}

const strictness = ({ kind }: Decision): number => STRICTNESS[kind];

test('at least as strict as without it', () => {
  let compared = 0;
  for (const holder of holders) {
    for (const input of inputs()) {
      const without = holder.decide(input);
      for (const verdict of VERDICTS) {
        for (const quiet of [{}, { quiet: true as const }]) {
          const signals = signalNames.map((name) => ({ name, note: name, ...quiet }));
          const risky = { ...input, circumstances: { risk: { signals, verdict } } };
          const decided = holder.decide(risky);
          expect(strictness(decided)).toBeGreaterThanOrEqual(strictness(without));
          if (verdict === 'none') expect(decided.kind).toBe(without.kind);
          if (verdict === 'refuse') expect(decided.kind).toBe('refused');
          if (verdict === 'ask' && input.approval === undefined) {
            expect(decided.kind).not.toBe('permit');
          }
          compared += 1;
        }
      }
    }
  }
  expect(compared).toBe(POLICIES.length * 12 * 6);
});
