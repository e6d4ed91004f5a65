// Whoever reaches the signer's socket sends what is no frame, frames that never end, requests that are none, and
// reads no answers. Their own connection pays; the others are served.

import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeFrame } from '../../../src/base/frames/frame.ts';
import type { Door } from '../../../src/front/signing/door.ts';
import { SignerDesk } from '../../../src/front/signing/signer-desk.ts';
import { openSocketDoor } from '../../../src/front/signing/socket-door.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { MESSAGE_MAX, SignerFrame } from '../../../src/trust/signer/remote/protocol.ts';
import { unixChannel } from '../../../src/trust/signer/remote/unix-channel.ts';

const directory = mkdtempSync(join(tmpdir(), 'ws-'));
const path = join(directory, 's.sock');
const signer = openMemorySigner('ES256', { roles: ['dsse'] });
const honest = unixChannel(path);
let door: Door;
/** The signer's own log. */
const notes: string[] = [];

beforeAll(async () => {
  const desk = new SignerDesk({
    origin: 'example.com/log',
    keys: new Map([[signer.key.kid, signer]]),
    memory: { last: () => Promise.reject(new Error('/var/lib/secret: not this one')) },
    useOf: () => 'signing',
    version: 'test',
    monotonic: () => 0,
  });
  door = await openSocketDoor(path, { desk, note: (line) => notes.push(line) });
});
afterAll(async () => {
  await honest.close();
  await door.close();
  rmSync(directory, { recursive: true });
});

const sign = { ask: 'sign', kid: signer.key.kid, kind: 'dsse', payload: 'DSSEv1 1 a 1 b' } as const;
const served = async (): Promise<void> => {
  expect(await honest.ask(sign)).toHaveProperty('signature');
};

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}

const request = (text: string | Uint8Array): Uint8Array =>
  encodeFrame(SignerFrame.request, 1, undefined, Buffer.from(text));

function header(length: number, head: number, kind: number, padding = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(head, 4);
  bytes.writeUInt32LE(kind + (padding << 8), 12);
  return bytes;
}

const NEVER = 'a frame that may not come';
test.each([
  ['no frame at all', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), 'a connection ended'],
  ['a length of 4 GiB', header(0xff_ff_ff_ff, 0, 1), NEVER],
  ['one byte too long', header(MESSAGE_MAX + 1, 0, 1), NEVER],
  ['a head longer than its frame', header(4, 5, 1), 'the head is longer'],
  ['a head', header(4, 2, 1), NEVER],
  ['an answer', header(4, 0, 2), NEVER],
  ['an unknown kind', header(4, 0, 77), NEVER],
  ['padding', header(4, 0, 1, 1), 'padding'],
])('%s ends its connection before anything is kept', async (_, bytes, why) => {
  notes.length = 0;
  const socket = await open();
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.write(bytes);
  await ended;
  // Not because it was slow: that ends it without a word.
  expect(notes.join()).toContain(why);
  await served();
});

const DEEP = `${'['.repeat(60_000)}${']'.repeat(60_000)}`;
test.each([
  ['empty', ''],
  ['no JSON', '{"ask":'],
  ['no object', '[]'],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ['deep', DEEP],
  ['twice the same member', '{"ask":"keys","ask":"last"}'],
  ['a prototype', '{"ask":"keys","__proto__":{"kid":"x"}}'],
  ['no question', '{"ask":7}'],
  ['a kind that is none', JSON.stringify({ ...sign, kind: { toString: 1 } })],
  ['a key that is none', JSON.stringify({ ...sign, kid: ['x'] })],
  ['a payload of 4 MB', JSON.stringify({ ...sign, payload: 'DSSEv1 '.padEnd(4_000_000, 'a') })],
])('a request that is %s is refused, and tells nothing', async (_, text) => {
  const socket = await open();
  const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.write(request(text));
  const bytes = await answer;
  expect(bytes[12]).toBe(SignerFrame.refusal);
  const { code, ...more } = JSON.parse(bytes.subarray(16).toString()) as { code: string };
  expect(['malformed', 'not-found', 'not-trusted']).toContain(code);
  expect(JSON.stringify(more).length).toBeLessThan(1_200);
  socket.destroy();
  await served();
});

test('what failed inside stays inside', async () => {
  const error = honest.ask({ ask: 'last' });
  await expect(error).rejects.toMatchObject({ code: 'unavailable', data: { signer: 'transient' } });
  await expect(error).rejects.not.toMatchObject({
    message: expect.stringContaining('/var/lib') as string,
  });
});

test('half a frame, byte by byte, keeps nobody waiting', async () => {
  const slow = await Promise.all(Array.from({ length: 20 }, open));
  for (const socket of slow) socket.write(header(MESSAGE_MAX, 0, 1).subarray(0, 10));
  await served();
  for (const socket of slow) socket.write(header(MESSAGE_MAX, 0, 1).subarray(10));
  await served();
  for (const socket of slow) socket.destroy();
});

test('who reads no answers is not read from, and the others are', async () => {
  const greedy = await open();
  greedy.pause();
  const one = request(JSON.stringify({ ask: 'keys' }));
  const many = Buffer.concat(Array.from({ length: 30_000 }, () => one));
  greedy.write(many);
  // So many answers are several times what it may leave unread: its requests stay with it.
  for (let at = 0; at < 20; at += 1) await served();
  expect(greedy.bytesWritten).toBeGreaterThan(0);
  greedy.destroy();
  await served();
});

test('more connections than there is room for leave those that are there', async () => {
  const crowd = await Promise.all(Array.from({ length: 100 }, open));
  await served();
  for (const socket of crowd) socket.destroy();
});
