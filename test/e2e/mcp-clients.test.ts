// Real MCP clients of both eras against `warder mcp`.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  type CallToolResult,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, sampleTool } from '../support/fixtures.ts';
import { createTestHome, repository, type TestHome } from '../support/warder.ts';

interface Answer {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: unknown;
  readonly isError?: boolean;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

interface CallOptions {
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** What both SDKs' clients can do, in one form. */
interface EraClient {
  readonly version: string | undefined;
  tools(): Promise<readonly string[]>;
  call(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  await home.ok(['tool', 'add', sampleTool('data-query')]);
  const data = `${join(repository, 'test/data')}:/data`;
  await home.ok(['tool', 'add', sampleTool('checksum'), '--allow-read', data]);
  await home.ok(['tool', 'add', fixture('loop'), '--timeout', '30s']);
});

afterAll(() => home.remove());

/** The 2026-07-28 era. */
async function connectV2(onListChanged?: () => void): Promise<EraClient> {
  const client = new ClientV2(
    { name: 'v2', version: '1.0.0' },
    {
      versionNegotiation: { mode: { pin: '2026-07-28' } },
      ...(onListChanged === undefined
        ? {}
        : { listChanged: { tools: { onChanged: () => onListChanged() } } }),
    },
  );
  await client.connect(new StdioV2({ ...home.mcp(), stderr: 'inherit' }));
  return {
    version: client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, { onProgress, signal } = {}) =>
      (await client.callTool(
        { name, arguments: args },
        {
          ...(signal === undefined ? {} : { signal }),
          ...(onProgress === undefined
            ? {}
            : {
                onprogress: ({ message }: { message?: string | undefined }) =>
                  onProgress(message ?? ''),
              }),
        },
      )) as Answer,
    close: () => client.close(),
  };
}

/** The 2025 era, by the SDK most clients are built on. */
async function connectV1(onListChanged?: () => void): Promise<EraClient> {
  const client = new ClientV1({ name: 'v1', version: '1.0.0' });
  if (onListChanged !== undefined) {
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => onListChanged());
  }
  const transport = new StdioV1({ ...home.mcp(), stderr: 'inherit' });
  await client.connect(transport);
  return {
    version: (transport as { protocolVersion?: string }).protocolVersion,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, { onProgress, signal } = {}) =>
      (await client.callTool({ name, arguments: args }, undefined, {
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined
          ? {}
          : {
              onprogress: ({ message }: { message?: string | undefined }) =>
                onProgress(message ?? ''),
            }),
      })) as CallToolResult as Answer,
    close: () => client.close(),
  };
}

describe.each([
  ['SDK v2 client, 2026-07-28', connectV2],
  ['SDK v1 client, 2025 era', connectV1],
] as const)('%s', (_, connect) => {
  test('lists tools by name and calls one; the receipt is in _meta', async () => {
    const client = await connect();
    try {
      const tools = await client.tools();
      expect(tools).toContain('text_echo');
      expect(tools).toEqual([...tools].sort());
      const answer = await client.call('text_echo', { text: 'grüße' });
      expect(answer.isError ?? false).toBe(false);
      expect(answer.content).toEqual([{ type: 'text', text: 'grüße' }]);
      const receipt = answer._meta?.['warder/receipt'];
      expect(receipt).toMatchObject({ id: expect.stringMatching(/^call_/) as string });
    } finally {
      await client.close();
    }
  });

  test('structured content of a plugin and of a component', async () => {
    const client = await connect();
    try {
      const counted = await client.call('text_stats', { text: 'to be or not to be' });
      expect(counted.structuredContent).toMatchObject({ words: 6 });
      const query = { data: [{ n: 1 }, { n: 2 }, { n: 3 }], where: 'n > 1' };
      const queried = await client.call('query_json', query);
      expect(queried.structuredContent).toMatchObject({ total: 2, rows: [{ n: 2 }, { n: 3 }] });
    } finally {
      await client.close();
    }
  });

  test('log lines arrive as progress', async () => {
    const client = await connect();
    const lines: string[] = [];
    try {
      const onProgress = (message: string) => void lines.push(message);
      // The client forgets who listens when a line and the answer reach it in one piece.
      for (let at = 0; at < 5 && lines.length === 0; at += 1) {
        const answer = await client.call('hash_directory', { path: '/data/json' }, { onProgress });
        expect(answer.isError ?? false).toBe(false);
      }
    } finally {
      await client.close();
    }
    expect(lines.length).toBeGreaterThan(0);
    expect(lines[0]).toMatch(/^(debug|info|warn|error): /);
  });

  test('a cancelled call ends, leaves a receipt, and the connection goes on', async () => {
    const before = await cancelledReceipts();
    const client = await connect();
    try {
      const stop = new AbortController();
      const call = client.call('loop', {}, { signal: stop.signal });
      setTimeout(() => stop.abort(), 400);
      await expect(call).rejects.toThrow();
      const next = await client.call('text_echo', { text: 'still here' });
      expect(next.content[0]?.text).toBe('still here');
      await expect.poll(cancelledReceipts, { timeout: 5000 }).toBe(before + 1);
      expect(await executorsBusy()).toBe(0);
    } finally {
      await client.close();
    }
  });

  test('a new tool is announced', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const client = await connect(resolve);
    try {
      expect(await client.tools()).not.toContain('minimal');
      await home.ok(['tool', 'add', fixture('minimal')]);
      await promise;
      expect(await client.tools()).toContain('minimal');
    } finally {
      await client.close();
      await home.ok(['tool', 'remove', 'minimal']);
    }
  });

  test('a refusal says why and what to do', async () => {
    const client = await connect();
    try {
      const answer = await client.call('text_echo', { text: 5 });
      expect(answer.isError).toBe(true);
      expect(answer.content[0]?.text).toMatch(/^schema-violation: .+\nhint: .+/s);
      expect(answer._meta?.['warder/error']).toMatchObject({ code: 'schema-violation' });
    } finally {
      await client.close();
    }
  });
});

test('two clients at once, of both eras, each get their own answers', async () => {
  const clients = await Promise.all([connectV2(), connectV1()]);
  try {
    expect(clients[0].version).toBe('2026-07-28');
    const asked = clients.flatMap((client, which) =>
      Array.from({ length: 20 }, async (_, at) => {
        const text = `${which}/${at}`;
        const answer = await client.call('text_echo', { text });
        expect(answer.content[0]?.text).toBe(text);
      }),
    );
    await Promise.all(asked);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
});

describe('the MCP inspector’s command line', () => {
  let scratch: string;
  let config: string;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'warder-inspector-'));
    config = join(scratch, 'mcp.json');
    // What `client config` prints is what a client is given.
    writeFileSync(config, (await home.run(['client', 'config'])).stdout);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each(['legacy', 'auto', 'modern'])(
    'era %s: lists and calls',
    async (era) => {
      const list = await inspect(era, '--method', 'tools/list');
      const { tools } = list.result as { tools: { name: string }[] };
      const names = tools.map(({ name }) => name);
      expect(names).toContain('text_echo');
      const echo = ['--method', 'tools/call', '--tool-name', 'text_echo'];
      const called = await inspect(era, ...echo, '--tool-args-json', '{"text":"seen"}');
      expect((called.result as Answer).content).toEqual([{ type: 'text', text: 'seen' }]);
    },
    60_000,
  );

  test('a refused call is a tool error (exit 5)', async () => {
    const wrong = ['--method', 'tools/call', '--tool-name', 'text_echo', '--tool-args-json', '{}'];
    expect((await inspect('modern', ...wrong)).code).toBe(5);
  });

  function inspect(era: string, ...more: readonly string[]) {
    const inspector = join(
      repository,
      'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js',
    );
    const args = [
      '--cli',
      '--config',
      config,
      '--server',
      'warder',
      '--protocol-era',
      era,
      '--format',
      'json',
      '-q',
    ];
    return new Promise<{ code: number; result: unknown }>((resolve) => {
      execFile(
        process.execPath,
        ['--no-warnings', inspector, ...args, ...more],
        { env: { PATH: process.env['PATH'] ?? '', HOME: scratch } },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
          // The result, or what was said instead of one.
          const { result } = (stdout === '' ? {} : JSON.parse(stdout)) as { result?: unknown };
          resolve({ code, result: result ?? stderr });
        },
      );
    });
  }
});

async function cancelledReceipts(): Promise<number> {
  return (
    await home.ok<unknown[]>(['receipts', 'list', '--tool', 'loop', '--outcome', 'cancelled'])
  ).length;
}

async function executorsBusy(): Promise<number> {
  return (await home.ok<{ executors: { busy: number } }>(['status'])).executors.busy;
}
