// Agents on real sockets that may ask for more than they have.

import type { JsonObject } from '../../src/base/encoding/json.ts';
import type { LeaseDescription } from '../../src/gate/leases/lease-door.ts';
import type { LeaseReply } from '../../src/front/mcp/lease-line.ts';
import { type AgentFront, agentFront, type McpClient } from './agent-front.ts';
import { ECHO } from './decision.ts';
import { CEILING, WRITE } from './lease-desk.ts';

/** Two agents of one tenant: `default`, who is alice, and `other`, who is oscar. */
export function leaseFront(config: JsonObject = {}): Promise<AgentFront> {
  const capabilities = CEILING.free.capabilities as unknown as JsonObject[];
  return agentFront({
    ceiling: CEILING,
    tools: [ECHO, WRITE],
    config: {
      agents: {
        default: { principal: 'alice', capabilities, ttl: 600 },
        other: { principal: 'oscar', capabilities, ttl: 600 },
      },
      ...config,
    },
  });
}

/** What a tool of MCP answers. */
export interface ToolResult {
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: boolean;
  readonly _meta?: Readonly<Record<string, { readonly code?: string }>>;
}

/** Calls a tool over MCP. */
export async function callTool(
  mcp: McpClient,
  name: string,
  args: object = {},
  meta?: object,
): Promise<ToolResult> {
  const params = { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) };
  const { result } = await mcp.request('tools/call', params);
  return result as ToolResult;
}

/** What a line may be answered with; the test knows which. */
export interface LeaseReplies {
  readonly standing: LeaseReply & { readonly lease: string };
  readonly description: LeaseDescription;
  readonly preview: object;
  readonly error: { readonly code: string; readonly message: string };
}

/** One line of the lease protocol; answers the line that came back. */
export async function leaseLine(
  front: AgentFront,
  line: unknown,
  agent?: string,
): Promise<LeaseReplies> {
  const peer = await front.dial(agent);
  peer.send({ warder: { mode: 'lease' } });
  peer.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
  const [reply = ''] = await peer.received(1);
  peer.socket.destroy();
  return JSON.parse(reply) as LeaseReplies;
}
