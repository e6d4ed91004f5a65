import { expect, test } from 'vitest';
import type { LeaseQuestion } from '../../../../src/decide/policy/lease-question.ts';
import { ALL_CAPABILITIES, holderOf, inputOf, NOW, starter } from '../../../support/decision.ts';
import { PolicyHolder } from '../../../../src/decide/policy/policy-holder.ts';

const asked: LeaseQuestion = {
  tenant: 'default',
  principal: 'alice',
  agent: 'desk',
  task: 'tidy up',
  reason: 'because',
  ttlSeconds: 60,
  capabilities: ALL_CAPABILITIES,
  depth: 0,
  free: true,
  operator: false,
  now: NOW,
};

test('the starter policy grants what is free and asks about the rest', async () => {
  const holder = await PolicyHolder.open(starter());
  expect(holder.decideLease(asked).kind).toBe('granted');
  expect(holder.decideLease({ ...asked, free: false })).toMatchObject({
    kind: 'approval-required',
    reason: 'the agent asks for more than it has by itself',
  });
});

test('without a permit for it no lease is granted, whatever calls are', async () => {
  const holder = await holderOf('permit (principal, action in Action::"call", resource);');
  expect(holder.decideLease(asked).kind).toBe('refused');
});

test('an erring forbid refuses', async () => {
  const holder = await holderOf(
    'permit (principal, action, resource);',
    'forbid (principal, action == Action::"lease", resource) when { context.seconds + 9223372036854775807 > 0 };',
  );
  expect(holder.decideLease(asked)).toMatchObject({
    kind: 'refused',
    faults: [expect.any(String)],
  });
});

test('policies see what is asked and who asks', async () => {
  const holder = await holderOf(
    'permit (principal in Tenant::"default", action == Action::"lease", resource == Agent::"desk") when { context.kinds.contains("fs.write") && context.tools.contains("*") && context.seconds <= 60 && context.task == "tidy up" && context.trust.level == 0 && !context.trust.known };',
  );
  expect(holder.prepare(holder.files, []).rules).toHaveLength(1);
  expect(holder.decideLease(asked).kind).toBe('granted');
  expect(holder.decideLease({ ...asked, ttlSeconds: 61 }).kind).toBe('refused');
  expect(holder.decideLease({ ...asked, agent: 'other' }).kind).toBe('refused');
});

test('a risk tightens and never loosens', async () => {
  const signals = [{ name: 'first-use', note: 'this tool was never used before' }];
  const risky = (verdict: 'none' | 'ask' | 'refuse') =>
    inputOf({}, { circumstances: { risk: { signals, verdict } } });
  const open = await PolicyHolder.open(starter());
  expect(open.decide(risky('none')).kind).toBe('permit');
  expect(open.decide(risky('ask'))).toMatchObject({
    kind: 'approval-required',
    reason: 'this tool was never used before',
  });
  expect(open.decide(risky('refuse')).kind).toBe('refused');
  const closed = await holderOf('forbid (principal, action, resource);');
  for (const verdict of ['none', 'ask', 'refuse'] as const) {
    expect(closed.decide(risky(verdict)).kind).toBe('refused');
  }
  const digest = inputOf({}).call.digest;
  expect(
    open.decide({ ...risky('ask'), approval: { id: 'a', digest, persons: 1, terms: [] } }),
  ).toMatchObject({
    kind: 'permit',
    approval: 'a',
  });
  expect(
    open.decide({ ...risky('refuse'), approval: { id: 'a', digest, persons: 1, terms: [] } }).kind,
  ).toBe('refused');
});
