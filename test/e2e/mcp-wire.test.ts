// What is on the wire of `warder mcp`: nothing but protocol, and mistakes cost one message, not the connection.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture, sampleTool } from '../support/fixtures.ts';
import { openRawMcp, type RawMcp, type RpcMessage } from '../support/raw-mcp.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  await home.ok(['tool', 'add', fixture('loop'), '--timeout', '30s']);
});

afterAll(() => home.remove());

async function open(): Promise<RawMcp> {
  const mcp = openRawMcp(home);
  await mcp.initialize();
  return mcp;
}

async function close(mcp: RawMcp): Promise<void> {
  mcp.endInput();
  expect(await mcp.exited).toBe(0);
}

const echo = (text: string) => ({ name: 'text_echo', arguments: { text } });

async function expectEcho(mcp: RawMcp, id: number): Promise<void> {
  const { result } = await mcp.request(id, 'tools/call', echo(`call ${id}`));
  expect(result?.['content']).toEqual([{ type: 'text', text: `call ${id}` }]);
}

const isErrorWithoutId = (code: number) => (message: RpcMessage) =>
  message.id === null && message.error?.code === code;

test.each([
  ['malformed JSON', '{"jsonrpc":"2.0","id":7,"method":', -32700],
  ['plain text', 'hello', -32700],
  [
    'a repeated member',
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"text_echo","name":"loop","arguments":{}}}',
    -32700,
  ],
  [
    'a lone surrogate',
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"text_echo","arguments":{"text":"\\ud800"}}}',
    -32700,
  ],
  [
    'an integer beyond 2^53',
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"text_echo","arguments":{"text":"","n":9007199254740993}}}',
    -32700,
  ],
  [
    'deep nesting',
    `{"jsonrpc":"2.0","id":7,"method":"ping","params":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    -32700,
  ],
  ['JSON that is no message', '[1,2,3]', -32700],
  [
    'a message too long',
    `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":"${'x'.repeat(3_000_000)}"}}`,
    -32600,
  ],
])('%s is answered with an error, and the connection goes on', async (_, line, code) => {
  const mcp = await open();
  mcp.write(`${line}\n`);
  await mcp.until(isErrorWithoutId(code));
  await expectEcho(mcp, 20);
  expect(mcp.received.some((message) => message.id === 7)).toBe(false);
  await close(mcp);
});

test('invalid UTF-8 is answered with an error, and the connection goes on', async () => {
  const mcp = await open();
  mcp.write(
    Buffer.from([
      ...Buffer.from('{"jsonrpc":"2.0","id":7,"method":"'),
      0xc3,
      0x28,
      0x22,
      0x7d,
      0x0a,
    ]),
  );
  await mcp.until(isErrorWithoutId(-32700));
  await expectEcho(mcp, 21);
  await close(mcp);
});

test('a mistake as the very first line does not cost the connection either', async () => {
  const mcp = openRawMcp(home);
  mcp.write('nonsense\n');
  await mcp.until(isErrorWithoutId(-32700));
  await mcp.initialize();
  await expectEcho(mcp, 22);
  await close(mcp);
});

test('an unknown method is an error to that request', async () => {
  const mcp = await open();
  const { error } = await mcp.request(8, 'operator/approve', { id: 'appr_1' });
  expect(error?.code).toBe(-32601);
  await expectEcho(mcp, 23);
  await close(mcp);
});

test('messages cut anywhere arrive whole', async () => {
  const mcp = await open();
  const text = 'schön '.repeat(50);
  const bytes = Buffer.from(
    `${JSON.stringify({ jsonrpc: '2.0', id: 30, method: 'tools/call', params: echo(text) })}\n`,
  );
  for (let at = 0; at < bytes.length; at += 41) {
    mcp.write(bytes.subarray(at, at + 41));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const { result } = await mcp.until((message) => message.id === 30);
  expect(result?.['content']).toEqual([{ type: 'text', text }]);
  await close(mcp);
});

test('a client that only closes its sending side still gets its answers', async () => {
  const mcp = await open();
  for (let id = 40; id < 60; id += 1) {
    mcp.send({ jsonrpc: '2.0', id, method: 'tools/call', params: echo(`${id}`) });
  }
  mcp.endInput();
  expect(await mcp.exited).toBe(0);
  const ids = mcp.received.map(({ id }) => Number(id)).filter((id) => id >= 40);
  expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => 40 + at));
});

test('a client with an open subscription that closes its sending side is let go', async () => {
  const mcp = openRawMcp(home);
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const notifications = { toolsListChanged: true };
  const params = { _meta: meta, notifications };
  mcp.send({ jsonrpc: '2.0', id: 'sub', method: 'subscriptions/listen', params });
  await mcp.until(({ method }) => method === 'notifications/subscriptions/acknowledged');
  mcp.endInput();
  expect(await mcp.exited).toBe(0);
});

test('a client that vanishes mid-call: the guest is ended, a receipt says so, the next client is served', async () => {
  const mcp = await open();
  mcp.send({
    jsonrpc: '2.0',
    id: 9,
    method: 'tools/call',
    params: { name: 'loop', arguments: {} },
  });
  await expect.poll(running, { timeout: 5000 }).toBe(1);
  mcp.kill('SIGKILL');
  await mcp.exited;
  await expect.poll(running, { timeout: 5000 }).toBe(0);
  const rows = await home.ok<{ outcome: string }[]>(['receipts', 'list', '--tool', 'loop']);
  expect(rows[0]?.outcome).toBe('cancelled');
  const next = await open();
  await expectEcho(next, 24);
  await close(next);
});

async function running(): Promise<number> {
  return (await home.ok<{ calls: { running: number } }>(['status'])).calls.running;
}
