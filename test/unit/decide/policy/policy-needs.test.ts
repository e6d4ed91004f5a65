// What is left out of a question is what no policy could have seen: with it or without it, the answer is
// the same.

import { expect, it } from 'vitest';
import { loadCedar } from '../../../../src/decide/policy/cedar.ts';
import type { PolicyNeeds } from '../../../../src/decide/policy/policy-needs.ts';
import { PolicySet } from '../../../../src/decide/policy/policy-set.ts';
import { questionOf } from '../../../../src/decide/policy/question.ts';
import { reachOf } from '../../../../src/decide/policy/reach.ts';
import { filesOf, inputOf, leaseOf } from '../../../support/decision.ts';

const cedar = await loadCedar();
const EVERYTHING: PolicyNeeds = { context: 'all', lease: 'all', principal: true, resource: true };
const KEY = 'a'.repeat(64);

const input = inputOf(
  { text: 'hi', at: { path: '/x' } },
  {
    grant: { categories: ['web'] },
    lease: leaseOf(undefined, { task: 't', max_uses: 3, del_max: 1 }),
    circumstances: {
      trust: { level: 60, capabilities: ['pay'] },
      risk: { signals: [{ name: 'odd', note: '' }], verdict: 'none' },
      budgetLeft: 40,
      usesLeft: 2,
    },
  },
);

it.each([
  'context.lease.depth == 0',
  'context["lease"]["depth"] == 0',
  'context.lease has usesLeft && context.lease.usesLeft == 2',
  'context has lease && context.lease has task',
  'context has lease.task && context.lease.task like "t*"',
  `context.lease == Lease::"${KEY}"`,
  `context.lease is Lease in Lease::"${KEY}"`,
  '[context.lease].contains(context.lease) && context.lease.secondsLeft > 5',
  '(if context.approved then context else context).lease.delegatable',
  '{"of": context.lease}.of.maxUses == 3',
  'context.trust.level > 50 && context.trust.capabilities.containsAny(["pay", "x"])',
  '!context.risk.signals.isEmpty()',
  'context.budget.left < 50',
  'context.args.at.path == "/x"',
  'context has args && context.args has at && context.args.at has path',
  'context.argsUnmapped.isEmpty() && context.argsJson like "*hi*"',
  'context.reach.net || context.time.hour >= 0',
  'principal in Tenant::"default" && principal in Agent::"default"',
  'resource.installation == "text" && !resource.readOnly',
  'resource in Category::"web"',
  'resource in [Category::"no", Category::"web"]',
  'resource is Tool in Installation::"text"',
  'action in Action::"call" && principal == Principal::"alice"',
  'Installation::"text" in Category::"web" && Tool::"text_echo" in Category::"web"',
  'Principal::"alice" in Agent::"default"',
  `Lease::"${KEY}".depth == 0`,
])('%s', (condition) => {
  const policy = `permit (principal, action, resource) when { ${condition} };`;
  const policies = new PolicySet(cedar, filesOf(policy));
  const reach = reachOf(input.installation.grant, input.lease.claims.authorization_details);
  const whole = policies.ask(questionOf(EVERYTHING, input, reach, false));
  expect(whole.verdict).toBe('allow');
  expect(policies.ask(questionOf(policies.needs, input, reach, false))).toEqual(whole);
  policies.close();
});
