// The agent of the tour: a real MCP client, connected to a server that it starts over stdio.

import { type CallToolResult, Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

/** What the tour reads of an answer. */
export interface AgentAnswer {
  readonly text: string;
  readonly isError: boolean;
  /** Receipt id, code and approval id, where warder gave them. */
  readonly receipt?: string;
  readonly code?: string;
  readonly approval?: string;
}

export interface Agent {
  /** Name and version of the protocol that was agreed. */
  readonly protocol: string;
  tools(): Promise<readonly string[]>;
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<AgentAnswer>;
  close(): Promise<void>;
}

/** Starts a server and connects to it. */
export async function connectAgent(server: {
  readonly command: string;
  readonly args: string[];
  readonly env?: Record<string, string>;
}): Promise<Agent> {
  const client = new Client(
    { name: 'warder-tour', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(new StdioClientTransport({ ...server, stderr: 'inherit' }));
  return {
    protocol: client.getNegotiatedProtocolVersion() ?? 'unknown',
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, args) => {
      return read(await client.callTool({ name, arguments: { ...args } }));
    },
    close: () => client.close(),
  };
}

function read(result: CallToolResult): AgentAnswer {
  const meta = (result._meta ?? {}) as {
    readonly 'warder/receipt'?: { readonly id: string };
    readonly 'warder/error'?: { readonly code: string };
    readonly 'warder/approval'?: string;
  };
  const receipt = meta['warder/receipt']?.id;
  const code = meta['warder/error']?.code;
  const approval = meta['warder/approval'];
  return {
    text: result.content
      .map((part) => (part.type === 'text' ? part.text : `[${part.type}]`))
      .join('\n'),
    isError: result.isError === true,
    ...(receipt === undefined ? {} : { receipt }),
    ...(code === undefined ? {} : { code }),
    ...(approval === undefined ? {} : { approval }),
  };
}
