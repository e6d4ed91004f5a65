// Each lease may make three calls. Its holder makes child after child of it, each a lease of its own: all
// of them together make no more than the one they came from may.

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseBudget } from '../../../src/decide/limits/budget.ts';
import type { Caller } from '../../../src/gate/door.ts';
import { makeCheckedLease } from '../../../src/trust/lease/checked.ts';
import type { CheckedLease } from '../../../src/trust/lease/lease.ts';
import { openGate } from '../../fakes/gate.ts';
import { ECHO } from '../../support/decision.ts';

function childOf(parent: CheckedLease): CheckedLease {
  const [root] = parent.chain;
  if (root === undefined) throw new Error('no chain');
  const digits = (): string => randomBytes(32).toString('hex');
  const claims = { ...root.claims, jti: digits(), del_depth: 1 };
  return makeCheckedLease([root, { stateKey: digits(), digest: digits(), claims }], 'dpop');
}

test.each([
  ['each lease', { each: ['lease'] }],
  ['the one lease named', { scope: { lease: '*' } }],
])('a budget of %s', async (_, change) => {
  const gate = await openGate();
  const agent = gate.connect();
  const root = await agent.lease.current(gate.parts.now());
  const budget = { name: 'b', measure: 'calls', limit: 3, period: 'ever', scope: {}, ...change };
  if ('scope' in change) budget.scope = { lease: root.stateKey };
  await gate.administration.setBudget('default', parseBudget(budget));
  const call = async (lease: CheckedLease): Promise<string> => {
    const caller: Caller = { ...agent.caller, lease: () => Promise.resolve(lease) };
    const answer = await gate.door.call(caller, { tool: ECHO.name, arguments: '{"text":"x"}' });
    return answer.kind === 'answered' ? 'ran' : answer.error.code;
  };
  const outcomes: string[] = [await call(root)];
  for (let made = 0; made < 4; made += 1) outcomes.push(await call(childOf(root)));
  expect(outcomes).toEqual(['ran', 'ran', 'ran', 'limit-reached', 'limit-reached']);
  expect(await call(root)).toBe('limit-reached');
});
