// MCP for one agent connection: lists the agent's tools, sends each call through the gate.

import {
  type CallToolResult,
  INVALID_REQUEST,
  ProtocolError,
  Server,
  type Tool,
} from '@modelcontextprotocol/server';
import { asWarderError, type WarderError } from '../../base/errors/errors.ts';
import type { ToolDefinition } from '../../catalog/installation.ts';
import type { AwaitedProof } from '../../gate/awaited-proof.ts';
import type { AgentDoor, CallAnswer } from '../../gate/door.ts';
import type { Connection, Viewer } from './connection.ts';
import type { CredentialDesk, Credentials } from './credentials.ts';
import { callLeaseTool, isLeaseTool, leaseTools } from './lease-tools.ts';
import { metaKeys } from './meta-keys.ts';
import { awaitProof, isProofSeconds } from './proof-seconds.ts';

const INSTRUCTIONS =
  'Every call here is decided by a policy and leaves a signed receipt. A refusal names its ' +
  'reason and remedy. When a call is held for approval, tell the user which approval to decide, ' +
  'then make the same call again with the same arguments.';

/** A fresh MCP server for one connection (one era each). */
export function createAgentServer(
  door: AgentDoor,
  connection: Connection,
  desk: CredentialDesk,
  version: string,
): Server {
  const server = new Server(
    { name: 'warder', version },
    { capabilities: { tools: { listChanged: true } }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler('tools/list', async (request) => {
    const { caller, challenge } = await viewerOf(connection, desk.take(request.params?._meta));
    // Who may ask for leases is shown how.
    const tools = [...door.tools(caller), ...(caller.hand === undefined ? [] : leaseTools)].sort(
      (a, b) => (a.name < b.name ? -1 : 1),
    );
    if (challenge === undefined) return { tools: tools.map((tool) => toMcpTool(tool)) };
    return {
      tools: tools.map((tool) => toMcpTool(tool, door.digestOf(caller, tool.name))),
      _meta: { [metaKeys.nonce]: challenge.nonce },
    };
  });
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
    const credentials = desk.take(meta);
    const caller = await connection.caller(credentials);
    const { signal } = context.mcpReq;
    if (isLeaseTool(name)) {
      return callLeaseTool(door.leases, caller, { name, arguments: args }, { signal, report });
    }
    const answer = await door.call(caller, {
      tool: name,
      arguments: { parsed: args ?? {} },
      signal,
      onLog: (level, message) => report(`${level}: ${message}`),
      ...(typeof approval === 'string' ? { approval } : {}),
    });
    const result = toMcpResult(answer);
    const seconds = meta?.[metaKeys.waitProof];
    if (isProofSeconds(seconds)) {
      const awaited = await awaitProof(door.receipts, caller, answer.receipt.id, seconds, signal);
      result._meta = { ...result._meta, ...proofMeta(awaited) };
    }
    if (credentials.proof === undefined) return result;
    const { nonce } = connection.challenge();
    return { ...result, _meta: { ...result._meta, [metaKeys.nonce]: nonce } };
  });
  const changed = (): void => {
    server.sendToolListChanged().catch(() => {});
  };
  const stops = [door.onToolsChanged(changed), connection.onLeasesChanged(changed)];
  server.onclose = () => {
    for (const stop of stops) stop();
  };
  return server;
}

function proofMeta(awaited: AwaitedProof): Readonly<Record<string, unknown>> {
  return 'proof' in awaited
    ? { [metaKeys.receiptProof]: awaited.proof }
    : { [metaKeys.receiptProofError]: awaited.proofError };
}

/** Who may not even look is told why. */
async function viewerOf(connection: Connection, credentials: Credentials): Promise<Viewer> {
  try {
    return await connection.viewer(credentials);
  } catch (thrown) {
    const error = asWarderError(thrown);
    throw new ProtocolError(INVALID_REQUEST, explain(error), error.toJSON());
  }
}

function toMcpTool(definition: ToolDefinition, digest?: string): Tool {
  const { name, title, description, inputSchema, outputSchema, annotations } = definition;
  return {
    name,
    description,
    inputSchema: inputSchema as Tool['inputSchema'],
    ...(title === undefined ? {} : { title }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(digest === undefined ? {} : { _meta: { [metaKeys.digest]: digest } }),
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
      _meta: {
        [metaKeys.receipt]: answer.receipt,
        [metaKeys.provenance]: answer.provenance,
      },
    };
  }
  return {
    content: [{ type: 'text', text: explain(answer.error) }],
    isError: true,
    _meta: {
      [metaKeys.receipt]: answer.receipt,
      [metaKeys.error]: answer.error.toJSON(),
      ...(answer.provenance === undefined ? {} : { [metaKeys.provenance]: answer.provenance }),
      ...(answer.approval === undefined ? {} : { [metaKeys.approval]: answer.approval }),
    },
  };
}

function explain(error: WarderError): string {
  const hint = error.hint === undefined ? '' : `\nhint: ${error.hint}`;
  return `${error.code}: ${error.message}${hint}`;
}
