import { expect, test } from 'vitest';
import type { PolicyFile } from '../../../src/decide/policy/policy-source.ts';
import { type FakeGate, openGate } from '../../fakes/gate.ts';
import { ECHO, filesOf, PERMIT_ALL, toolWith } from '../../support/decision.ts';

const OTHER = toolWith({ type: 'object' }, 'text_other');

function rules(...list: readonly object[]): PolicyFile[] {
  return [...filesOf(PERMIT_ALL), { name: '1.rules.json', text: JSON.stringify({ rules: list }) }];
}

const slow = (calls: number, more: object = {}): object => ({
  name: 'slow',
  effect: 'limit',
  tools: ['text_*o'],
  rate: { calls, per: 'day', each: ['agent'] },
  ...more,
});

async function put(gate: FakeGate, files: readonly PolicyFile[]): Promise<void> {
  const { policy } = gate.parts;
  const set = policy.prepare(files, [ECHO, OTHER]);
  await gate.administration.policyChanged(set, policy);
  policy.use(set);
}

function taken({ parts }: FakeGate): readonly number[] {
  const states = parts.budgets.state('default', parts.now(), parts.policy.rates);
  return states.flatMap(({ uses }) => uses.map((use) => use.taken));
}

const open = (policy: readonly PolicyFile[]): Promise<FakeGate> =>
  openGate({ policy, tools: [ECHO, OTHER] });

test('a rate refuses the call after the last it allows, each agent having its own', async () => {
  const gate = await open(rules(slow(2)));
  const [desk, other] = [gate.connect({ agent: 'desk' }), gate.connect({ agent: 'other' })];
  expect((await desk.call({})).kind).toBe('answered');
  expect((await desk.call({})).kind).toBe('answered');
  expect(await desk.call({})).toMatchObject({
    kind: 'stopped',
    error: { code: 'limit-reached', data: { budget: 'rule:slow', left: 0 } },
  });
  expect((await other.call({})).kind).toBe('answered');
  // Not selected, so not counted.
  expect((await desk.call({}, { tool: 'text_other' })).kind).toBe('answered');
  expect(taken(gate)).toEqual([2, 1]);
});

test('parallel calls cannot overdraw it', async () => {
  const gate = await open(rules(slow(3)));
  const agent = gate.connect();
  const answers = await Promise.all(Array.from({ length: 12 }, () => agent.call({})));
  expect(answers.filter(({ kind }) => kind === 'answered')).toHaveLength(3);
});

test('it counts only while the window of its rule is open', async () => {
  const gate = await open(rules(slow(0, { when: { from: '22:00', to: '06:00' } })));
  const agent = gate.connect();
  // The clock of the fake stands in the evening of 2023-11-14, UTC.
  expect(new Date(gate.parts.now()).toISOString()).toMatch(/T22:/);
  expect((await agent.call({})).kind).toBe('stopped');
  const day = await open(rules(slow(0, { when: { from: '06:00', to: '22:00' } })));
  expect((await day.connect().call({})).kind).toBe('answered');
});

test('it is in force with its set and gone with it; what was used stays while the rule does', async () => {
  const gate = await open(rules(slow(2)));
  const agent = gate.connect();
  await agent.call({});
  await put(gate, rules(slow(3), { name: 'other', effect: 'deny', tools: ['text_other'] }));
  expect(taken(gate)).toEqual([1]);
  await agent.call({});
  await agent.call({});
  expect((await agent.call({})).kind).toBe('stopped');
  await put(gate, filesOf(PERMIT_ALL));
  expect((await agent.call({})).kind).toBe('answered');
  expect(taken(gate)).toEqual([]);
  await put(gate, rules(slow(2)));
  expect(taken(gate)).toEqual([]);
});

test('a set that is not put in force leaves the counts alone', async () => {
  const gate = await open(rules(slow(2)));
  await gate.connect().call({});
  gate.store.full = true;
  const set = gate.parts.policy.prepare(filesOf(PERMIT_ALL), [ECHO, OTHER]);
  await expect(gate.administration.policyChanged(set, gate.parts.policy)).rejects.toThrow();
  gate.store.full = false;
  expect(taken(gate)).toEqual([1]);
});

test('policies see how much of it is left', async () => {
  const asks = `@approval("little left") forbid (principal, action in Action::"call", resource)
when { context.budget.left < 60 } unless { context.approved };`;
  const gate = await open([...rules(slow(2)), { name: '2.cedar', text: asks }]);
  const agent = gate.connect();
  expect((await agent.call({})).kind).toBe('answered');
  expect(await agent.call({})).toMatchObject({ error: { code: 'approval-required' } });
  expect((await agent.call({}, { tool: 'text_other' })).kind).toBe('answered');
});

test('it is no budget an operator can take away or replace', async () => {
  const gate = await open(rules(slow(2)));
  await expect(gate.administration.removeBudget('default', 'rule:slow')).rejects.toMatchObject({
    code: 'usage',
    hint: expect.stringContaining('change or take away the rule'),
  });
});

test('it is in the digest of its set', async () => {
  const { parts } = await open(rules(slow(2)));
  const digest = (rule: object): string => parts.policy.prepare(rules(rule), [ECHO, OTHER]).digest;
  expect(digest(slow(2))).toBe(parts.policy.digest);
  expect(digest(slow(3))).not.toBe(parts.policy.digest);
  expect(digest(slow(2, { tools: ['*'] }))).not.toBe(parts.policy.digest);
});
