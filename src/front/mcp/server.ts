// MCP for one agent connection: lists the agent's tools, sends each call through the gate.

import { type CallToolResult, Server, type Tool } from '@modelcontextprotocol/server';
import type { WarderError } from '../../base/errors/errors.ts';
import type { ToolDefinition } from '../../catalog/installation.ts';
import type { AgentDoor, CallAnswer, Caller } from '../../gate/door.ts';

/** Keys warder uses in `_meta`. */
export const metaKeys = {
  /** On answers: `{id, index, leafHash}` of the receipt. */
  receipt: 'warder/receipt',
  /** On refusals: `{code, message, hint}`. */
  error: 'warder/error',
  /** On requests and approval-required answers: the approval's id. */
  approval: 'warder/approval',
  /** On requests: the lease token; never passed on. */
  lease: 'x-lease-token',
} as const;

const INSTRUCTIONS =
  'Every call here is decided by a policy and leaves a signed receipt. A refusal names its ' +
  'reason and remedy. When a call is held for approval, tell the user which approval to decide, ' +
  'then make the same call again with the same arguments.';

/** A fresh MCP server for one connection (one era each). */
export function createAgentServer(door: AgentDoor, caller: Caller, version: string): Server {
  const server = new Server(
    { name: 'warder', version },
    { capabilities: { tools: { listChanged: true } }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler('tools/list', () => ({ tools: door.tools(caller).map(toMcpTool) }));
  server.setRequestHandler('tools/call', async (request, context) => {
    const { name, arguments: args, _meta: meta } = request.params;
    const token = meta?.progressToken;
    let step = 0;
    const report = (message: string): void => {
      if (token === undefined) return;
      step += 1;
      const params = { progressToken: token, progress: step, message };
      context.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
    };
    const approval = meta?.[metaKeys.approval];
    const answer = await door.call(caller, {
      tool: name,
      arguments: { parsed: args ?? {} },
      signal: context.mcpReq.signal,
      onLog: (level, message) => report(`${level}: ${message}`),
      ...(typeof approval === 'string' ? { approval } : {}),
    });
    return toMcpResult(answer);
  });
  const stop = door.onToolsChanged(() => {
    server.sendToolListChanged().catch(() => {});
  });
  server.onclose = stop;
  return server;
}

function toMcpTool(definition: ToolDefinition): Tool {
  const { name, title, description, inputSchema, outputSchema, annotations } = definition;
  return {
    name,
    description,
    inputSchema: inputSchema as Tool['inputSchema'],
    ...(title === undefined ? {} : { title }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** An answer of the gate as MCP says it. */
export function toMcpResult(answer: CallAnswer): CallToolResult {
  if (answer.kind === 'answered') {
    const { content, structuredContent, isError } = answer.answer;
    return {
      content: content as CallToolResult['content'],
      ...(structuredContent === undefined ? {} : { structuredContent }),
      ...(isError ? { isError } : {}),
      _meta: { [metaKeys.receipt]: answer.receipt },
    };
  }
  return {
    content: [{ type: 'text', text: explain(answer.error) }],
    isError: true,
    _meta: {
      [metaKeys.receipt]: answer.receipt,
      [metaKeys.error]: answer.error.toJSON(),
      ...(answer.approval === undefined ? {} : { [metaKeys.approval]: answer.approval }),
    },
  };
}

function explain(error: WarderError): string {
  const hint = error.hint === undefined ? '' : `\nhint: ${error.hint}`;
  return `${error.code}: ${error.message}${hint}`;
}
