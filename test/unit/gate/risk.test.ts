// What the gate notices of a principal's history, call by call; and that each answer of the config counts.

import { expect, test } from 'vitest';
import { toolUseTable } from '../../../src/decide/risk/tool-use.ts';
import { openDoor } from '../../../src/gate/open-door.ts';
import { type FakeGate, openGate } from '../../fakes/gate.ts';
import { filesOf, installed } from '../../support/decision.ts';

const HARMLESS = { text: 'hello' };

const lastRisk = (gate: FakeGate): unknown => gate.receipts().at(-1)?.statement.predicate.risk;
const rows = (gate: FakeGate): number =>
  gate.store.read((reader) => reader.list(toolUseTable, undefined)).length;

test('a first use is noted once for each principal', async () => {
  const gate = await openGate();
  const first = { verdict: 'none', signals: ['first-use'] };
  await gate.connect().call(HARMLESS);
  expect(lastRisk(gate)).toEqual(first);
  await gate.connect().call(HARMLESS);
  expect(lastRisk(gate)).toBeUndefined();
  await gate.connect({ principal: 'bob' }).call(HARMLESS);
  expect(lastRisk(gate)).toEqual(first);
});

test('what never ran is no use: refusals, questions and previews', async () => {
  const gate = await openGate({ policy: filesOf() });
  const agent = gate.connect();
  await agent.call(HARMLESS);
  await agent.call(HARMLESS);
  expect(lastRisk(gate)).toEqual({ verdict: 'none', signals: ['first-use'] });
  await gate.door.preview(agent.caller, { tool: 'text_echo', arguments: '{"text":"x"}' });
  expect(rows(gate)).toBe(0);
});

test('a package with other bytes is noted', async () => {
  const gate = await openGate();
  const agent = gate.connect();
  await agent.call(HARMLESS);
  await gate.administration.switchTool('default', 'text', 'remove');
  await gate.install({ ...installed(), id: 'inst_02', digest: 'e'.repeat(64) });
  await agent.call(HARMLESS);
  expect(lastRisk(gate)).toEqual({ verdict: 'none', signals: ['changed-tool'] });
  await agent.call(HARMLESS);
  expect(lastRisk(gate)).toBeUndefined();
});

test('the sixty-first call in an hour is noted', async () => {
  const gate = await openGate();
  const agent = gate.connect();
  for (let at = 0; at < 60; at += 1) await agent.call(HARMLESS);
  expect(lastRisk(gate)).toBeUndefined();
  await agent.call(HARMLESS);
  expect(lastRisk(gate)).toEqual({ verdict: 'none', signals: ['unusual-volume'] });
});

test('each answer counts, and the refusal names what refuses', async () => {
  const args = { text: 'http://127.0.0.1/' };
  const told = async (answer: 'ignore' | 'note' | 'ask' | 'refuse'): Promise<unknown> => {
    const gate = await openGate({ signals: { 'first-use': 'note', 'internal-address': answer } });
    const done = await gate.connect().call(args);
    const text = done.kind === 'stopped' ? `${done.error.code}: ${done.error.message}` : 'ran';
    return [text.replace(/`appr_[^`]*`/, 'X'), (lastRisk(gate) as { verdict: string }).verdict];
  };
  expect(await told('ignore')).toEqual(['ran', 'none']);
  expect(await told('note')).toEqual(['ran', 'none']);
  expect(await told('ask')).toEqual([
    'approval-required: held for approval X: the arguments name an internal address',
    'ask',
  ]);
  expect(await told('refuse')).toEqual([
    'policy-denied: `text_echo` is not run: internal-address',
    'refuse',
  ]);
});

test('policies see the signals', async () => {
  const gate = await openGate({
    policy: filesOf(
      'permit (principal, action in Action::"call", resource);',
      'forbid (principal, action in Action::"call", resource) when { context.risk.signals.contains("first-use") };',
    ),
  });
  expect(await gate.connect().call(HARMLESS)).toMatchObject({ error: { code: 'policy-denied' } });
});

test('a call nobody could look at is refused', async () => {
  const gate = await openGate();
  const { risk } = gate.parts;
  const broken = { ...gate.parts, risk: Object.create(risk) as typeof risk };
  broken.risk.assess = () => Promise.reject(new Error('disk'));
  const door = openDoor(broken, gate.turnstile, gate.door.leases, gate.door.receipts);
  const done = await door.call(gate.connect().caller, {
    tool: 'text_echo',
    arguments: '{"text":"x"}',
  });
  expect(done.kind).toBe('stopped');
  expect(gate.runner.ran).toEqual([]);
});
