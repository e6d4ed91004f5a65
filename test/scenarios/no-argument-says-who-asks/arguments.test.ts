// The principal, tenant and agent of a call are those of its channel or its lease. What an argument, a line or
// `_meta` claims about them changes nothing.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';
import { ECHO } from '../../support/decision.ts';

let front: AgentFront;
const CLAIMS = {
  principal: 'root',
  sub: 'root',
  tenant: 'other',
  agent: 'operator',
  as: 'root',
  operator: true,
};

beforeAll(async () => {
  const open = { ...ECHO, inputSchema: { type: 'object' } } as typeof ECHO;
  front = await agentFront({ tools: [open] });
});
afterAll(() => front[Symbol.asyncDispose]());

function lastCaller(): object {
  const { principal, statement } = front.gate.receipts().at(-1) ?? {};
  const { tenant, operator, outcome } = statement?.predicate ?? {};
  return { principal, tenant, operator: operator ?? false, outcome };
}

test('arguments', async () => {
  await front.call({ text: 'hi', ...CLAIMS });
  const agent = { principal: 'alice', tenant: 'default', operator: false, outcome: 'done' };
  expect(lastCaller()).toEqual(agent);
});

test('arguments of a call under a lease', async () => {
  const held = await front.hold();
  const args = { text: 'hi', ...CLAIMS };
  const reply = await front.call(args, { lease: held.text, proof: await front.prove(held, args) });
  expect(reply.answer).toBeDefined();
  const holder = { principal: 'bob', tenant: 'default', operator: false, outcome: 'done' };
  expect(lastCaller()).toEqual(holder);
});

test('`_meta`', async () => {
  const mcp = await front.mcp();
  expect(await mcp.call({ text: 'hi' }, CLAIMS)).toBeUndefined();
  const agent = { principal: 'alice', tenant: 'default', operator: false, outcome: 'done' };
  expect(lastCaller()).toEqual(agent);
});

test.each(Object.entries(CLAIMS))('`%s` in a line', async (name, value) => {
  const { error } = await front.call({ text: 'hi' }, { [name]: value });
  expect(error?.code).toBe('malformed');
  const turned = await front.call({ text: 'hi' }, {}, { [name]: value });
  expect(turned.error?.code).toBe('malformed');
});

test('a lease of another tenant is refused, and that of the socket’s own is taken', async () => {
  const call = async (tenant: string, agent: string): Promise<unknown> => {
    const held = await front.hold({ tenant });
    const proof = await front.prove(held, { text: 'hi' }, { uri: `warder://agent/${agent}` });
    const { error } = await front.call({ text: 'hi' }, { lease: held.text, proof }, {}, agent);
    return error?.code;
  };
  expect(await call('default', 'default')).toBeUndefined();
  expect(await call('other', 'default')).toBe('lease-refused');
  // There is no tool of that name in the other tenant: it is not even looked for under a wrong lease.
  expect(await call('default', 'other')).toMatch(/^(not-found|lease-refused)$/);
  expect(front.gate.receipts().at(-1)?.statement.predicate.tenant).toBe('other');
});
