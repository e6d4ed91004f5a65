// The attack: ask for a longer life, or for more, than the rule that asks a person says, so that this rule
// does not match any more and another one, which allows, does.

import { expect, test } from 'vitest';

import type { LeaseQuestion } from '../../../src/decide/policy/lease-question.ts';
import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import type { Capability } from '../../../src/trust/lease/lease.ts';
import { ALL_CAPABILITIES, inputOf, leaseOf, NOW } from '../../support/decision.ts';

const read = (...paths: readonly string[]): Capability => ({ type: 'fs.read', paths });
const write = (...paths: readonly string[]): Capability => ({ type: 'fs.write', paths });

/** Short and narrow at once, up to an hour in `/data` on a yes; and a permit that is mild to all. */
const files = [
  { name: '1.cedar', text: 'permit (principal, action, resource);' },
  {
    name: '2.rules.json',
    text: JSON.stringify({
      rules: [
        {
          name: 'long-or-wide-asks',
          effect: 'require-approval',
          applies: 'leases',
          reason: 'longer or wider than usual',
          unless: { ceiling: [read('/data/public/**')], seconds: 600 },
          ceiling: [read('/data/**'), write('/data/out/**')],
          seconds: 3600,
        },
        {
          name: 'payments-ask',
          effect: 'require-approval',
          reason: 'it pays more than 50 EUR',
          kinds: ['spend'],
          unless: { ceiling: [{ type: 'spend', currency: 'EUR', amount: 5000 }] },
          ceiling: [{ type: 'spend', currency: 'EUR', amount: 50_000 }],
        },
      ],
    }),
  },
];
const holder = await PolicyHolder.open(files);

function lease(ttlSeconds: number, ...capabilities: readonly Capability[]): string {
  const asked: LeaseQuestion = {
    tenant: 'default',
    principal: 'alice',
    agent: 'desk',
    task: 'x',
    reason: 'x',
    ttlSeconds,
    capabilities,
    depth: 0,
    free: true,
    operator: false,
    now: NOW,
  };
  return holder.decideLease(asked).kind;
}

test('within the small bounds it is granted, within the large ones a person is asked', () => {
  expect(lease(600, read('/data/public/**'))).toBe('granted');
  expect(lease(601, read('/data/public/**'))).toBe('approval-required');
  expect(lease(600, read('/data/**'))).toBe('approval-required');
  expect(lease(3600, read('/data/**'), write('/data/out/x'))).toBe('approval-required');
});

test.each<[string, number, readonly Capability[]]>([
  ['longer', 3601, [read('/data/public/**')]],
  ['wider', 60, [read('/**')]],
  ['wider by one path of several', 60, [read('/data/public/**', '/etc/passwd')]],
  ['wider by a star where the rule has a name', 60, [read('/*/public/**')]],
  ['of another kind as well', 60, [read('/data/public/**'), write('/data/public/**')]],
  ['of a kind no rule names', 60, [{ type: 'credential', names: ['bank'] }]],
  ['both longer and wider', 86_400, [read('/**')]],
  ['a life that is no number', Number.NaN, [read('/data/public/**')]],
])('%s is refused, not allowed by the milder one', (_, seconds, capabilities) => {
  expect(lease(seconds, ...capabilities)).toBe('refused');
});

test.each([
  [5000, 'EUR', 'permit'],
  [5001, 'EUR', 'approval-required'],
  [50_000, 'EUR', 'approval-required'],
  [50_001, 'EUR', 'refused'],
  [1, 'USD', 'refused'],
])('a call that pays %d %s: %s', (count, currency, kind) => {
  const spend = { type: 'spend', currency, amount: 1_000_000 } as const;
  const call = inputOf(
    { count },
    {
      grant: { prices: [{ tool: 'text_echo', currency, pointer: '/count' }] },
      lease: leaseOf([...ALL_CAPABILITIES, spend]),
    },
  );
  expect(holder.decide(call).kind).toBe(kind);
});
