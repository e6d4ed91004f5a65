// The handle of a lease, in the hands of another connection, principal or agent: there is no such thing.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentFront, McpClient } from '../../support/agent-front.ts';
import { FREE, publicKey } from '../../support/lease-desk.ts';
import { callTool, leaseFront, leaseLine } from '../../support/lease-front.ts';

let front: AgentFront;
let owner: McpClient;
beforeEach(async () => {
  front = await leaseFront();
  owner = await front.mcp();
});
afterEach(() => front[Symbol.asyncDispose]());

const request = async (terms: object): Promise<string> => {
  const { structuredContent } = await callTool(owner, 'lease_request', terms);
  return String(structuredContent?.['id']);
};
const USES = ['lease_poll', 'lease_release', 'lease_delegate'] as const;
const use = async (mcp: McpClient, tool: string, id: string): Promise<string | undefined> => {
  const args = tool === 'lease_delegate' ? { id, holder_key: publicKey() } : { id };
  return (await callTool(mcp, tool, args))._meta?.['warder/error']?.code;
};
const stands = (id: string): string => front.gate.desk.decisions.show('default', id).state;

test.each(USES)('%s of a lease of another connection of the same agent', async (tool) => {
  const id = await request({ ...FREE, max_depth: 1 });
  expect(await use(await front.mcp(), tool, id)).toBe('not-found');
  expect(stands(id)).toBe('active');
  expect(await use(owner, tool, id)).toBeUndefined();
});

test.each(USES)('%s of a lease of another agent, bound to a key', async (tool) => {
  const id = await request({ ...FREE, max_depth: 1, holder_key: publicKey() });
  expect(await use(await front.mcp({}, {}, 'other'), tool, id)).toBe('not-found');
  expect(stands(id)).toBe('active');
});

test('what is not there and what is another’s are refused in the same words', async () => {
  const id = await request({ ...FREE, holder_key: publicKey() });
  const nothing = `lreq_${'0'.repeat(26)}`;
  const [theirs, none] = await Promise.all(
    [id, nothing].map((each) => leaseLine(front, { op: 'poll', id: each }, 'other')),
  );
  expect(theirs).toEqual(none);
  expect(theirs).toMatchObject({ error: { code: 'not-found' } });
});

test('the text of a lease goes to nobody else', async () => {
  const id = await request({ ...FREE, holder_key: publicKey() });
  for (const op of ['poll', 'release']) {
    const reply = await leaseLine(front, { op, id }, 'other');
    expect(JSON.stringify(reply)).not.toContain('eyJ');
  }
  const description = await leaseLine(front, { op: 'describe' }, 'other');
  expect(description['description'].requests).toEqual([]);
});

test('calls of another connection do not run under it', async () => {
  await request(FREE);
  const stranger = await front.mcp();
  expect(await stranger.call({ text: 'x' })).toBeUndefined();
  const [receipt] = front.gate.receipts();
  expect(receipt?.task).toBeUndefined();
  expect(await owner.call({ text: 'x' })).toBeUndefined();
  expect(front.gate.receipts().at(-1)?.task).toBe('task-1');
});
