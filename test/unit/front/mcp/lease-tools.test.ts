// The lease tools of MCP, over a real socket.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leaseTools } from '../../../../src/front/mcp/lease-tools.ts';
import { compileSchema } from '../../../../src/catalog/schemas.ts';
import { toolNameFault } from '../../../../src/catalog/names.ts';
import type { AgentFront, McpClient } from '../../../support/agent-front.ts';
import { ASKING, FREE, publicKey } from '../../../support/lease-desk.ts';
import { callTool, leaseFront } from '../../../support/lease-front.ts';

let front: AgentFront;
let mcp: McpClient;
beforeEach(async () => {
  front = await leaseFront();
  mcp = await front.mcp();
});
afterEach(() => front[Symbol.asyncDispose]());
const approve = (id: unknown) => {
  const { decisions } = front.gate.desk;
  const { digest } = decisions.show('default', String(id));
  return decisions.approve('default', String(id), { seen: digest, by: 'operator' });
};
const names = async (): Promise<readonly string[]> => {
  const { result } = (await mcp.request('tools/list', {})) as {
    readonly result: { readonly tools: readonly { readonly name: string }[] };
  };
  return result.tools.map(({ name }) => name);
};

describe('the lease tools', () => {
  it('are shown to an agent, under names no package may take', async () => {
    const shown = leaseTools.map(({ name }) => name);
    expect(await names()).toEqual([...shown, 'text_echo'].sort());
    expect(shown.map((name) => toolNameFault(name) !== undefined)).not.toContain(false);
  });

  it.each(leaseTools.map((tool) => [tool.name, tool] as const))(
    '%s has a schema of the kind every tool has',
    (_, { inputSchema }) => {
      expect(compileSchema(inputSchema).check({})).toBeInstanceOf(Array);
    },
  );

  it('are not shown to who came with a lease', async () => {
    const bearer = await leaseFront({
      agents: {
        default: {
          principal: 'alice',
          capabilities: [{ type: 'tool.call', tools: ['*'] }],
          holder: 'bearer',
        },
      },
    });
    const holder = await bearer.mcp({ lease: await bearer.issue({ ttlSeconds: 60 }) });
    const { result } = (await holder.request('tools/list', {})) as unknown as {
      readonly result: { readonly tools: readonly { readonly name: string }[] };
    };
    expect(result.tools.map(({ name }) => name)).not.toContain('lease_request');
    expect(await callTool(holder, 'lease_request', FREE)).toMatchObject({
      isError: true,
      _meta: { 'warder/error': { code: 'lease-refused' } },
    });
    await bearer[Symbol.asyncDispose]();
  });

  it('check their arguments as every tool does', async () => {
    const result = await callTool(mcp, 'lease_request', { ...FREE, agent: 'other' });
    expect(result).toMatchObject({
      isError: true,
      _meta: { 'warder/error': { code: 'schema-violation' } },
    });
  });
});

describe('a request', () => {
  it('is answered with a handle, in words and in data', async () => {
    const { structuredContent, content } = await callTool(mcp, 'lease_request', FREE);
    expect(structuredContent).toMatchObject({ state: 'active', task: 'task-1' });
    expect(content[0]?.text).toContain(`${String(structuredContent?.['id'])} is active`);
  });

  it('that was granted lets tools be seen that were not, and says so', async () => {
    const { structuredContent } = await callTool(mcp, 'lease_request', ASKING);
    expect(await names()).not.toContain('text_write');
    await approve(structuredContent?.['id']);
    expect(await names()).toContain('text_write');
    expect(mcp.peer.lines.join('\n')).toContain('notifications/tools/list_changed');
  });

  it('is previewed', async () => {
    const { structuredContent } = await callTool(mcp, 'lease_preview', ASKING);
    expect(structuredContent).toMatchObject({ verdict: 'route_to_approver' });
    const never = await callTool(mcp, 'lease_preview', { ...FREE, ttl_seconds: 86_400 });
    expect(never.structuredContent).toMatchObject({
      verdict: 'hard_deny',
      error: { code: 'lease-refused' },
    });
  });
});

describe('who waits', () => {
  it('is told that they do, and woken by the decision', async () => {
    const { structuredContent } = await callTool(mcp, 'lease_request', ASKING);
    const id = String(structuredContent?.['id']);
    const waiting = callTool(
      mcp,
      'lease_poll',
      { id, wait_seconds: 60 },
      { progressToken: 'mine' },
    );
    await expect.poll(() => mcp.peer.lines.join('\n')).toContain(`"progressToken":"mine"`);
    await approve(id);
    expect((await waiting).structuredContent).toMatchObject({ state: 'active' });
  });

  it('waits no longer than a minute at once', async () => {
    const asked = { id: `lreq_${'0'.repeat(26)}`, wait_seconds: 61 };
    expect(await callTool(mcp, 'lease_poll', asked)).toMatchObject({
      _meta: { 'warder/error': { code: 'schema-violation' } },
    });
  });
});

it('a lease is described, delegated and released', async () => {
  const { structuredContent } = await callTool(mcp, 'lease_request', { ...FREE, max_depth: 1 });
  const id = structuredContent?.['id'];
  const child = await callTool(mcp, 'lease_delegate', { id, holder_key: publicKey() });
  expect(child.structuredContent).toMatchObject({ state: 'active', holder: 'key' });
  const told = await callTool(mcp, 'lease_describe');
  // Both were asked for in the same millisecond: either may stand first.
  const requests = told.structuredContent?.['requests'] as readonly { readonly id: unknown }[];
  const ids = requests.map((request) => request.id);
  expect(new Set(ids)).toEqual(new Set([child.structuredContent?.['id'], id]));
  expect(ids).toHaveLength(2);
  const released = await callTool(mcp, 'lease_release', { id });
  expect(released.structuredContent).toMatchObject({ state: 'released' });
});
