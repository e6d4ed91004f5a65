// A predecessor ran what merely had been asked for, took an edited request for the approved one, and let
// one yes serve for ten minutes. Here nothing runs before the yes, and after it exactly one call.

import { beforeEach, expect, test } from 'vitest';

import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import type { Grant } from '../../../src/catalog/installation.ts';
import { NOW } from '../../support/decision.ts';
import { netRule } from '../../support/reach-permit.ts';

let gate: FakeGate;
let agent: FakeConnection;

async function open(grant: Partial<Grant>): Promise<void> {
  gate = await openGate({ grant });
  agent = gate.connect();
}

beforeEach(() => open({ kv: true }));

async function ask(args: object): Promise<string> {
  const held = await agent.call(args);
  if (held.kind !== 'stopped' || held.approval === undefined) throw new Error('it was not held');
  return held.approval;
}

const decide = (id: string, kind: 'yes' | 'no'): Promise<unknown> =>
  gate.administration.decideApproval('default', id, { kind });

test.each<[string, Partial<Grant>]>([
  ['keeps data', { kv: true }],
  ['uses the network', { allowNet: [netRule('GET https://example.com/**')] }],
  ['writes files', { write: [{ host: '/tmp', guest: '/tmp' }] }],
])('what %s', async (_, grant) => {
  await open(grant);
  const id = await ask({ text: 'a' });
  for (let n = 0; n < 3; n += 1) await agent.call({ text: 'a' });
  await agent.call({ text: 'a' }, { approval: id });
  expect(gate.runner.ran).toEqual([]);
  expect(gate.parts.leases.list(undefined, NOW).map(({ uses }) => uses)).toEqual([0]);
});

test('a no', async () => {
  const id = await ask({ text: 'a' });
  await decide(id, 'no');
  await agent.call({ text: 'a' });
  await agent.call({ text: 'a' }, { approval: id });
  expect(gate.runner.ran).toEqual([]);
});

test('a yes whose time has run out', async () => {
  const id = await ask({ text: 'a' });
  await decide(id, 'yes');
  gate.clock.advance(24 * 3_600_000);
  await agent.call({ text: 'a' });
  expect(gate.runner.ran).toEqual([]);
});

test('a yes that is used from many sides at once buys one run, and the next call asks again', async () => {
  await decide(await ask({ text: 'a' }), 'yes');
  const agents = [agent, gate.connect(), gate.connect()];
  await Promise.all(
    agents.flatMap((one) => Array.from({ length: 4 }, () => one.call({ text: 'a' }))),
  );
  expect(gate.runner.ran).toHaveLength(1);
  await ask({ text: 'a' });
  expect(gate.runner.ran).toHaveLength(1);
});
