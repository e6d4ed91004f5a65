// Lines on a socket become messages, however they are cut; what is no message is answered and dropped.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { END_OF_INPUT } from '../../../../src/front/mcp/end-of-input.ts';
import { SocketTransport } from '../../../../src/front/mcp/socket-transport.ts';
import { dial, type LinePeer } from '../../../support/line-peer.ts';

const LIMITS = { maxBytes: 1000, maxDepth: 8 };

let directory: string;
let server: Server;
let peer: LinePeer;
let accepted: Socket;
let transport: SocketTransport;
let messages: JSONRPCMessage[];
/** How often the transport said that it closed; a new one each time, so that none counts for another. */
let closings: { count: number };

async function open(head?: Buffer): Promise<void> {
  const path = join(directory, `${Math.random()}.sock`);
  messages = [];
  const own = { count: 0 };
  closings = own;
  const connected = new Promise<Socket>((resolve) => {
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, resolve);
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  peer = await dial(path);
  accepted = await connected;
  transport = new SocketTransport(accepted, LIMITS, head);
  transport.onmessage = (message) => void messages.push(message);
  transport.onclose = () => void (own.count += 1);
  await transport.start();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'warder-line-'));
  await open();
});

afterEach(() => {
  peer.socket.destroy();
  accepted.destroy();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const ping = (id: number, more: object = {}): object => ({
  jsonrpc: '2.0',
  id,
  method: 'ping',
  ...more,
});
const result = (id: number): JSONRPCMessage => ({ jsonrpc: '2.0', id, result: {} });

async function arrived(count: number): Promise<readonly unknown[]> {
  await expect.poll(() => messages.length, { interval: 5 }).toBe(count);
  return messages.map((message) => ('id' in message ? message.id : undefined));
}

describe('messages', () => {
  test('two in one chunk', async () => {
    peer.send(ping(1), ping(2));
    expect(await arrived(2)).toEqual([1, 2]);
  });

  test('one cut between any two bytes, inside a character too', async () => {
    const line = Buffer.from(`${JSON.stringify(ping(1, { params: { text: 'schön €𝄞' } }))}\n`);
    for (const byte of line) {
      accepted.emit('data', Buffer.from([byte]));
    }
    expect(messages).toMatchObject([{ id: 1, params: { text: 'schön €𝄞' } }]);
  });

  test('ended by CR LF, with empty lines between', async () => {
    peer.write(`\r\n\n${JSON.stringify(ping(1))}\r\n\r\n${JSON.stringify(ping(2))}\r\n`);
    expect(await arrived(2)).toEqual([1, 2]);
    expect(peer.lines).toEqual([]);
  });

  test('that came before the transport was made', async () => {
    await open(Buffer.from(`${JSON.stringify(ping(1))}\n${JSON.stringify(ping(2)).slice(0, 9)}`));
    peer.write(`${JSON.stringify(ping(2)).slice(9)}\n`);
    expect(await arrived(2)).toEqual([1, 2]);
  });

  test('sent in one turn leave whole and in order', async () => {
    await Promise.all([transport.send(result(1)), transport.send(result(2))]);
    const lines = await peer.received(2);
    expect(lines.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([1, 2]);
  });
});

describe('what is no message is answered with an error and dropped; the next one is read', () => {
  test.each<[string, string | Uint8Array, number]>([
    ['not JSON', 'hello', -32700],
    ['half a message', '{"jsonrpc":"2.0","id":1', -32700],
    ['repeated members', '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700],
    [
      'repeated members deep inside',
      '{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1,"x":2}}',
      -32700,
    ],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), -32700],
    ['a lone surrogate', '{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', -32700],
    ['too deep', `{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":${'['.repeat(9)}`, -32700],
    ['JSON that is no message', '[1,2,3]', -32700],
    ['a message of no version', '{"id":1,"method":"ping"}', -32700],
    ['too long', `"${'x'.repeat(2000)}"`, -32600],
    ['much too long', `"${'x'.repeat(500_000)}"`, -32600],
    [
      'of an integer nobody can hold',
      '{"jsonrpc":"2.0","id":90071992547409930,"method":"a"}',
      -32700,
    ],
  ])('%s', async (_, line, code) => {
    peer.write(line);
    peer.write('\n');
    peer.send(ping(2));
    expect(await arrived(1)).toEqual([2]);
    const [reply] = await peer.received(1);
    expect(JSON.parse(reply ?? '')).toMatchObject({ jsonrpc: '2.0', id: null, error: { code } });
    expect(peer.lines).toHaveLength(1);
  });

  test('a line that never ends is answered once and not kept', async () => {
    for (let n = 0; n < 50; n += 1) peer.write('x'.repeat(10_000));
    await peer.received(1);
    peer.write('\n');
    peer.send(ping(1));
    expect(await arrived(1)).toEqual([1]);
    expect(peer.lines).toHaveLength(1);
  });
});

describe('the end', () => {
  test('a peer that sends no more gets what it asked for, then the end', async () => {
    peer.send(ping(1), ping(2));
    await arrived(2);
    peer.endInput();
    await transport.send(result(2));
    expect(closings.count).toBe(0);
    await transport.send(result(1));
    await peer.ended;
    expect(peer.lines).toHaveLength(2);
    expect(closings.count).toBe(1);
  });

  test('the relay says so with a line of its own', async () => {
    peer.send(ping(1));
    peer.write(`\n${END_OF_INPUT}\n`);
    await arrived(1);
    expect(closings.count).toBe(0);
    await transport.send(result(1));
    await peer.ended;
    expect(closings.count).toBe(1);
    // It is no message, so nobody is told.
    expect(peer.lines).toHaveLength(1);
  });

  test('a relay that said so and then closes is gone: what it asked for is given up', async () => {
    peer.send(ping(1));
    peer.write(`${END_OF_INPUT}\n`);
    await arrived(1);
    peer.socket.destroy();
    await expect.poll(() => closings.count).toBe(1);
  });

  test('a peer that goes without a word is given up after a moment', async () => {
    peer.send(ping(1));
    await arrived(1);
    peer.socket.destroy();
    await expect.poll(() => closings.count, { timeout: 5000 }).toBe(1);
    expect(accepted.destroyed).toBe(true);
  });

  test('what was withdrawn or subscribed to is not waited for', async () => {
    peer.send(ping(1), ping(2, { method: 'subscriptions/listen' }));
    await arrived(2);
    peer.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await arrived(3);
    peer.write(`${END_OF_INPUT}\n`);
    await peer.ended;
    expect(closings.count).toBe(1);
  });

  test('a peer that asks for nothing and ends is let go at once', async () => {
    peer.endInput();
    await peer.ended;
    await expect.poll(() => accepted.destroyed).toBe(true);
    expect(closings.count).toBe(1);
  });

  test('nothing is sent after it', async () => {
    await transport.close();
    await expect(transport.send(result(1))).rejects.toThrow('closed');
    expect(closings.count).toBe(1);
  });
});

test('who does not read its answers is not read either, until it does', async () => {
  peer.socket.pause();
  const text = 'x'.repeat(1 << 20);
  for (let id = 0; id < 8; id += 1) {
    await transport.send({ jsonrpc: '2.0', id, result: { text } });
  }
  expect(accepted.isPaused()).toBe(true);
  peer.send(ping(1));
  await new Promise((resolve) => setImmediate(resolve));
  expect(messages).toEqual([]);
  peer.socket.resume();
  expect(await arrived(1)).toEqual([1]);
  await peer.received(8);
});
