// What an MCP client sees of the gate: the tools its lease covers, answers with their receipts, refusals
// with reason and remedy; and what the gate is told of a request.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { WarderError } from '../../../../src/base/errors/errors.ts';
import { type AgentSocket, listenForAgent } from '../../../../src/front/mcp/agent-socket.ts';
import { metaKeys } from '../../../../src/front/mcp/meta-keys.ts';
import { toMcpResult } from '../../../../src/front/mcp/server.ts';
import {
  answered,
  CALLER,
  connectionOf,
  FakeDoor,
  PROVENANCE,
  RECEIPT,
  untilWithdrawn,
} from '../../../fakes/door.ts';
import { ECHO } from '../../../support/decision.ts';
import { dial, type LinePeer } from '../../../support/line-peer.ts';

describe('an answer of the gate as MCP says it', () => {
  test('done: content, structured content and the receipt', () => {
    const answer = {
      content: [
        { type: 'text' as const, text: 'hi' },
        { type: 'image' as const, mimeType: 'image/png', data: 'AA==' },
      ],
      structuredContent: { n: 1 },
      isError: false,
    };
    expect(
      toMcpResult({ kind: 'answered', answer, receipt: RECEIPT, provenance: PROVENANCE }),
    ).toEqual({
      content: answer.content,
      structuredContent: { n: 1 },
      _meta: { 'warder/receipt': RECEIPT, 'warder/provenance': PROVENANCE },
    });
  });

  test('the tool says it failed: `isError`, and still its own words', () => {
    const answer = { content: [{ type: 'text' as const, text: 'no such row' }], isError: true };
    expect(
      toMcpResult({ kind: 'answered', answer, receipt: RECEIPT, provenance: PROVENANCE }),
    ).toEqual({
      ...answer,
      _meta: { 'warder/receipt': RECEIPT, 'warder/provenance': PROVENANCE },
    });
  });

  test('refused: reason and remedy in the text, code and receipt in `_meta`', () => {
    const error = new WarderError('policy-denied', 'policy refuses `pay`', { hint: 'pay less' });
    expect(toMcpResult({ kind: 'stopped', error, receipt: RECEIPT })).toEqual({
      content: [{ type: 'text', text: 'policy-denied: policy refuses `pay`\nhint: pay less' }],
      isError: true,
      _meta: {
        'warder/receipt': RECEIPT,
        'warder/error': {
          code: 'policy-denied',
          message: 'policy refuses `pay`',
          hint: 'pay less',
        },
      },
    });
  });

  test('held: names the approval', () => {
    const error = new WarderError('approval-required', 'held');
    const held = { kind: 'stopped', error, receipt: RECEIPT, approval: 'appr_1' } as const;
    expect(toMcpResult(held)._meta?.[metaKeys.approval]).toBe('appr_1');
  });
});

describe('over a connection', () => {
  let directory: string;
  let door: FakeDoor;
  let agent: AgentSocket;
  let client: LinePeer;
  let covers: (tool: string) => boolean;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'warder-server-'));
    door = new FakeDoor();
    covers = () => true;
    const path = join(directory, 'agent.sock');
    agent = await listenForAgent({
      path,
      door,
      version: '1.2.3',
      limits: { maxBytes: 100_000, maxDepth: 32 },
      connect: () => Promise.resolve(connectionOf({ ...CALLER, covers: (tool) => covers(tool) })),
      onError: () => {},
    });
    client = await dial(path);
    client.send({
      jsonrpc: '2.0',
      id: 'init',
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'test', version: '1' },
      },
    });
    await client.received(1);
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  });

  afterEach(async () => {
    client.socket.destroy();
    await agent.close();
    rmSync(directory, { recursive: true, force: true });
  });

  type Message = Record<string, unknown> & { readonly id?: unknown };

  async function until(fits: (message: Message) => boolean): Promise<Message> {
    const find = (): Message | undefined =>
      client.lines.map((line) => JSON.parse(line) as Message).find(fits);
    await expect.poll(find, { interval: 5, timeout: 5000 }).toBeDefined();
    return find() ?? {};
  }

  function request(id: number, method: string, params: object = {}): Promise<Message> {
    client.send({ jsonrpc: '2.0', id, method, params });
    return until((message) => message.id === id && message['method'] === undefined);
  }

  const call = (id: number, more: object = {}): Promise<Message> =>
    request(id, 'tools/call', { name: 'text_echo', arguments: { text: 'hi' }, ...more });

  test('lists only the tools the lease covers', async () => {
    door.definitions = [ECHO, { ...ECHO, name: 'pay' }];
    covers = (tool) => tool === 'text_echo';
    const { result } = await request(1, 'tools/list');
    const { tools } = result as { tools: object[] };
    expect(tools).toEqual([
      { name: ECHO.name, description: ECHO.description, inputSchema: ECHO.inputSchema },
    ]);
  });

  test('passes title, output schema and annotations on', async () => {
    const annotations = { readOnlyHint: true };
    const outputSchema = { type: 'object' } as const;
    door.definitions = [{ ...ECHO, title: 'Echo', outputSchema, annotations }];
    const { result } = await request(1, 'tools/list');
    expect(result).toMatchObject({ tools: [{ title: 'Echo', outputSchema, annotations }] });
  });

  test('hands the gate the name and the arguments, and of `_meta` only the approval', async () => {
    await call(1, { _meta: { 'warder/approval': 'appr_1', 'x-lease-token': 'secret', more: 1 } });
    const [asked] = door.asked;
    expect(asked).toMatchObject({
      tool: 'text_echo',
      arguments: { parsed: { text: 'hi' } },
      approval: 'appr_1',
    });
    expect(JSON.stringify(asked)).not.toContain('secret');
  });

  test('an approval that is no text is none', async () => {
    await call(1, { _meta: { 'warder/approval': { id: 'appr_1' } } });
    expect(door.asked[0]).not.toHaveProperty('approval');
  });

  test('absent arguments are no arguments', async () => {
    await request(1, 'tools/call', { name: 'text_echo' });
    expect(door.asked[0]).toMatchObject({ arguments: { parsed: {} } });
  });

  test('a call whose receipt could not be written is an error, not a result', async () => {
    door.behaviour = () => Promise.reject(new WarderError('unavailable', 'the disk is full'));
    const reply = await call(1);
    expect(reply).toMatchObject({
      error: { message: expect.stringContaining('the disk is full') },
    });
    expect(reply).not.toHaveProperty('result');
  });

  test('lines the tool logs become progress when it was asked for, and nothing otherwise', async () => {
    door.behaviour = async ({ onLog }) => {
      onLog?.('info', 'one');
      onLog?.('warn', 'two');
      return Promise.resolve(answered('hi'));
    };
    await call(1);
    expect(client.lines.join()).not.toContain('progress');
    await call(2, { _meta: { progressToken: 'p' } });
    const progress = client.lines
      .map((line) => JSON.parse(line) as Message)
      .filter(({ method }) => method === 'notifications/progress');
    expect(progress.map(({ params }) => params)).toEqual([
      { progressToken: 'p', progress: 1, message: 'info: one' },
      { progressToken: 'p', progress: 2, message: 'warn: two' },
    ]);
  });

  test('withdrawing a call ends it', async () => {
    door.behaviour = untilWithdrawn;
    client.send({
      jsonrpc: '2.0',
      id: 5,
      method: 'tools/call',
      params: { name: 'text_echo', arguments: {} },
    });
    await expect.poll(() => door.asked.length).toBe(1);
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } });
    await expect.poll(() => door.withdrawn.length).toBe(1);
    expect(await request(6, 'ping')).toMatchObject({ result: {} });
  });

  test('hanging up ends every call of the connection', async () => {
    door.behaviour = untilWithdrawn;
    for (const id of [5, 6]) {
      client.send({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'text_echo', arguments: {} },
      });
    }
    await expect.poll(() => door.asked.length).toBe(2);
    client.socket.destroy();
    await expect.poll(() => door.withdrawn.length, { timeout: 5000 }).toBe(2);
  });

  test('a change of the tools is announced', async () => {
    await request(1, 'ping');
    for (const listener of door.listeners) listener();
    await until(({ method }) => method === 'notifications/tools/list_changed');
  });

  test.each([
    ['a name that is no text', { name: 7 }],
    ['no name', {}],
    ['arguments that are no object', { name: 'text_echo', arguments: [1] }],
  ])('%s never reaches the gate', async (_, params) => {
    expect(await request(1, 'tools/call', params)).toHaveProperty('error');
    expect(door.asked).toEqual([]);
  });
});
