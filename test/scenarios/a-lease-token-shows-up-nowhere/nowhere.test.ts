// The text of a lease in answers over MCP, receipts, the log of the daemon and what operators see: nowhere.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentFront, McpClient } from '../../support/agent-front.ts';
import { ASKING, FREE, publicKey } from '../../support/lease-desk.ts';
import { callTool, leaseFront, leaseLine } from '../../support/lease-front.ts';

/** How the header of every token begins. */
const TOKEN = 'eyJ';

let front: AgentFront;
let mcp: McpClient;
beforeEach(async () => {
  front = await leaseFront();
  mcp = await front.mcp();
});
afterEach(() => front[Symbol.asyncDispose]());

test('every lease tool, every state, every error', async () => {
  const { decisions } = front.gate.desk;
  const request = async (terms: object): Promise<string> =>
    String((await callTool(mcp, 'lease_request', terms)).structuredContent?.['id']);
  const seen = (id: string): string => decisions.show('default', id).digest;
  const bound = await request({ ...FREE, max_depth: 1 });
  const keyed = await request({ ...FREE, max_depth: 1, holder_key: publicKey() });
  const approved = await request({ ...ASKING, holder_key: publicKey() });
  const denied = await request(ASKING);
  await decisions.approve('default', approved, { seen: seen(approved), by: 'operator' });
  await decisions.deny('default', denied, { seen: seen(denied), by: 'operator', reason: 'no' });
  await request({ ...FREE, ttl_seconds: 86_400 });
  for (const id of [bound, keyed, approved, denied]) {
    await callTool(mcp, 'lease_poll', { id });
    await callTool(mcp, 'lease_delegate', { id, holder_key: publicKey() });
  }
  expect(await mcp.call({ text: 'x' })).toBeUndefined();
  await callTool(mcp, 'lease_preview', FREE);
  await callTool(mcp, 'lease_describe');
  // Not idle: over the other protocol the very same lease is handed out.
  const { standing } = await leaseLine(front, { op: 'poll', id: keyed });
  expect(standing.lease).toContain(TOKEN);
  for (const id of [bound, keyed]) await callTool(mcp, 'lease_release', { id });

  expect(mcp.peer.lines.join('\n')).not.toContain(TOKEN);
  const receipts = [...front.gate.reader.export({})];
  expect(receipts.length).toBeGreaterThan(10);
  expect(JSON.stringify(receipts)).not.toContain(TOKEN);
  expect(front.gate.notes.join('\n')).not.toContain(TOKEN);
  expect(JSON.stringify(decisions.list('default', 'all'))).not.toContain(TOKEN);
});
