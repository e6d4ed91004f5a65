// The agent has one socket. Nothing that is sent to it answers a question to a person: not as MCP, not as
// a one-call line, not as a first line, not as the operators' API.

import { afterEach, beforeEach, expect, test } from 'vitest';

import { type AgentFront, agentFront } from '../../support/agent-front.ts';

let front: AgentFront;
let id: string;

beforeEach(async () => {
  front = await agentFront({ grant: { kv: true } });
  id = (await front.call({ text: 'a' })).approval ?? '';
  expect(id).toMatch(/^appr_/);
});
afterEach(() => front[Symbol.asyncDispose]());

/** Nothing was decided, and the call that waits did not run. */
async function nothingDecided(): Promise<void> {
  const { approvals } = front.gate.parts;
  const kept = approvals.show('default', id, front.gate.clock.wall());
  expect(kept).toMatchObject({ state: 'pending', yeses: [] });
  expect([...front.gate.reader.export({ type: 'approval' })]).toEqual([]);
  const again = await front.call({ text: 'a' });
  expect(again.error?.code).toBe('approval-required');
  expect(front.gate.runner.ran).toEqual([]);
}

const NAMES = [
  'approve',
  'approvals.approve',
  'approvals/approve',
  'approvals_approve',
  'warder_approve',
  'operator/approvals.approve',
  'lease_approve',
  'elicitation/create',
];

test.each(NAMES)('`%s` as a method and as a tool', async (name) => {
  const mcp = await front.mcp();
  expect(await mcp.request(name, { id })).toHaveProperty('error');
  const called = await mcp.request('tools/call', {
    name,
    arguments: { id, approved: true },
    _meta: { 'warder/approved': true, 'warder/approval': id },
  });
  expect(JSON.stringify(called)).not.toContain('"isError":false');
  const { result } = (await mcp.request('tools/list', {})) as {
    readonly result: { readonly tools: readonly { readonly name: string }[] };
  };
  expect(result.tools.map((tool) => tool.name)).not.toContain(name);
  await nothingDecided();
});

test.each<[string, object]>([
  ['the id it waits for', { approval: 'ID' }],
  ['a yes beside it', { approval: 'ID', approved: true }],
  ['terms', { approval: 'ID', without: [] }],
  ['a name', { approval: 'ID', operator: 'operator' }],
  ['on behalf of', { as: 'operator' }],
  ['an operation', { operation: 'approvals.approve', id: 'ID' }],
])('a one-call line with %s', async (_, more) => {
  const text = JSON.stringify(more).replace('ID', id);
  const reply = await front.call({ text: 'a' }, JSON.parse(text) as Record<string, unknown>);
  expect(reply.answer).toBe(undefined);
  await nothingDecided();
});

test.each<[object]>([
  [{ mode: 'operator' }],
  [{ mode: 'approvals' }],
  [{ mode: 'call', operator: 'operator' }],
  [{ mode: 'call', as: 'operator' }],
  [{ mode: 'lease', approve: 'ID' }],
  [{ mode: 'lease' }],
])('a first line %j', async (preamble) => {
  const peer = await front.dial();
  peer.send({ warder: preamble });
  for (const operation of ['approve', 'lease_approve', 'approvals.approve']) {
    peer.send({ operation, id }, { tool: operation, arguments: JSON.stringify({ id }) });
  }
  peer.endInput();
  await peer.ended;
  await nothingDecided();
});

test('the operators’ API is not spoken there', async () => {
  for (const path of ['/v1/approvals.approve', '/operator/v1/approvals.approve']) {
    const peer = await front.dial();
    const body = JSON.stringify({ id });
    peer.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    peer.endInput();
    await peer.ended;
    expect(peer.lines.join('\n')).not.toContain('HTTP/1.1 200');
  }
  await nothingDecided();
});

test('and an operator’s yes, over theirs, does', async () => {
  await front.gate.administration.decideApproval('default', id, { kind: 'yes' });
  expect((await front.call({ text: 'a' })).error).toBe(undefined);
  expect(front.gate.runner.ran).toHaveLength(1);
});
