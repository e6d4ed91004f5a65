import { expect, test } from 'vitest';
import { type Budget, parseBudget } from '../../../src/decide/limits/budget.ts';
import { settleInterrupted } from '../../../src/gate/intent.ts';
import { type FakeGate, openGate } from '../../fakes/gate.ts';
import { ALL_CAPABILITIES, filesOf, NOW, PERMIT_ALL } from '../../support/decision.ts';

const budget = (change: object): Budget =>
  parseBudget({
    name: 'b',
    measure: 'calls',
    limit: 1,
    period: 'day',
    scope: {},
    ...change,
  });

const taken = (gate: FakeGate): number | undefined =>
  gate.parts.budgets.state('default', NOW)[0]?.uses[0]?.taken;

test('a call over budget is refused with a receipt, and never runs', async () => {
  const gate = await openGate();
  await gate.administration.setBudget('default', budget({ limit: 1 }));
  const agent = gate.connect();
  expect((await agent.call({ text: 'one' })).kind).toBe('answered');
  const second = await agent.call({ text: 'two' });
  expect(second).toMatchObject({ kind: 'stopped', error: { code: 'limit-reached' } });
  expect(gate.runner.ran).toHaveLength(1);
  expect(gate.receipts().map(({ outcome }) => outcome)).toEqual(['done', 'refused']);
  expect(taken(gate)).toBe(1);
});

test('parallel calls cannot overdraw', async () => {
  const gate = await openGate();
  await gate.administration.setBudget('default', budget({ limit: 3 }));
  const agent = gate.connect();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, at) => agent.call({ text: String(at) })),
  );
  expect(answers.filter(({ kind }) => kind === 'answered')).toHaveLength(3);
  expect(taken(gate)).toBe(3);
});

test('a call over budget spends no use of its lease, and an approval stays good', async () => {
  const gate = await openGate();
  await gate.administration.setBudget('default', budget({ limit: 0 }));
  await gate.connect().call({ text: 'x' });
  const uses = gate.parts.leases.list(undefined, NOW).reduce((sum, lease) => sum + lease.uses, 0);
  expect(uses).toBe(0);
});

test('what a call held and did not use is given back; the price is not', async () => {
  const prices = [{ tool: 'text_echo', currency: 'EUR', pointer: '/count' }];
  const gate = await openGate({ grant: { prices } });
  await gate.administration.setBudget('default', budget({ measure: 'cpu-ms', limit: 100_000 }));
  await gate.administration.setBudget(
    'default',
    budget({ name: 'eur', measure: { currency: 'EUR' }, limit: 10 }),
  );
  const spend = { type: 'spend', currency: 'EUR', amount: 11 } as const;
  const agent = gate.connect({ capabilities: [...ALL_CAPABILITIES, spend] });
  expect((await agent.call({ count: 7 })).kind).toBe('answered');
  const [cpu, eur] = gate.parts.budgets.state('default', NOW);
  expect(cpu?.uses[0]?.taken).toBeLessThan(1000);
  expect(eur?.uses[0]?.taken).toBe(7);
  expect(await agent.call({ count: 4 })).toMatchObject({
    error: { code: 'limit-reached', data: { budget: 'eur', left: 3, needed: 4 } },
  });
  expect(await agent.call({ count: -4 })).toMatchObject({ error: { code: 'schema-violation' } });
  expect(await agent.call({ count: 9 })).toMatchObject({ error: { code: 'lease-refused' } });
  expect(await gate.connect().call({ count: 1 })).toMatchObject({
    error: { code: 'lease-refused' },
  });
});

test('a call whose end nobody knows counts in full', async () => {
  const gate = await openGate();
  await gate.administration.setBudget('default', budget({ measure: 'cpu-ms', limit: 10_000 }));
  gate.runner.behaviour = () => {
    gate.store.full = true;
    throw new Error('the daemon ends here');
  };
  await expect(gate.connect().call({ text: 'x' })).rejects.toMatchObject({ code: 'unavailable' });
  gate.store.full = false;
  expect(await settleInterrupted(gate.store, gate.parts.log, gate.parts.budgets, NOW)).toBe(1);
  expect(taken(gate)).toBe(5000);
});

test('a budget of one tenant is none of another', async () => {
  const gate = await openGate();
  await gate.administration.setBudget('acme', budget({ limit: 0 }));
  expect((await gate.connect().call({ text: 'x' })).kind).toBe('answered');
  expect(gate.parts.budgets.state('acme', NOW)).toHaveLength(1);
  expect(gate.parts.budgets.state('default', NOW)).toHaveLength(0);
});

test('policies see what is left in the tightest budget that covers the call', async () => {
  const policy = filesOf(
    PERMIT_ALL,
    'forbid (principal, action in Action::"call", resource) when { context.budget.left < 30 };',
  );
  const gate = await openGate({ policy });
  await gate.administration.setBudget('default', budget({ limit: 1000 }));
  await gate.administration.setBudget('default', budget({ name: 'tight', limit: 10 }));
  const others = { name: 'others', limit: 0, scope: { tool: 'web_*' } };
  await gate.administration.setBudget('default', budget(others));
  const bytes = { name: 'bytes', measure: 'net-bytes', limit: 1 };
  await gate.administration.setBudget('default', budget(bytes));
  const agent = gate.connect();
  const kinds: string[] = [];
  for (let at = 0; at < 10; at += 1) kinds.push((await agent.call({ text: String(at) })).kind);
  // 100, 90 and so on to 30 percent are left before the first eight.
  expect(kinds).toEqual([...Array(8).fill('answered'), 'stopped', 'stopped']);
});

test('what is left of a budget is a whole percentage, rounded down', async () => {
  const gate = await openGate();
  const { budgets, store } = gate.parts;
  const subject = {
    tool: 't',
    installation: 'i',
    category: [],
    principal: 'p',
    agent: 'a',
    lease: ['l'],
  };
  const left = (): number | undefined => budgets.left('default', subject, { calls: 1 }, NOW);
  expect(left()).toBeUndefined();
  await gate.administration.setBudget('default', budget({ limit: 2 ** 53 - 1 }));
  expect(left()).toBe(100);
  const take = (id: string, calls: number): Promise<void> =>
    store.commit((tx) => budgets.reserve(tx, { tenant: 'default', id, subject }, { calls }, NOW));
  await take('one', 1);
  expect(left()).toBe(99);
  await take('most', 2 ** 53 - 3);
  expect(left()).toBe(0);
  await gate.administration.setBudget('default', budget({ name: 'zero', limit: 0 }));
  expect(left()).toBe(0);
});
