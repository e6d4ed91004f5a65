// Compressed answers that unpack to a thousand times their size, and answers that never end.

import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchOnce, testEgress, type TestEgress } from '../../support/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';

const BUDGET = 1 << 20;
const UNPACKED = 64 << 20;
const bomb = Buffer.alloc(UNPACKED);

let egress: TestEgress;
beforeAll(async () => {
  egress = await testEgress();
});
afterAll(() => egress[Symbol.asyncDispose]());

async function fetchAnswer(answer: (response: ServerResponse) => void) {
  let closed: Promise<unknown> = Promise.resolve();
  await using server = await loopbackServer((request, response) => {
    closed = new Promise((resolve) => {
      request.socket.once('close', resolve);
    });
    answer(response);
  });
  const permit = reachPermit({
    allowNet: [netRule(`GET http://127.0.0.1:${server.port}/**`)],
    limits: callLimits(BUDGET),
  });
  const result = await fetchOnce(egress, permit, { url: `http://127.0.0.1:${server.port}/` });
  await closed;
  return result;
}

it.each([
  ['gzip', gzipSync(bomb)],
  ['br', brotliCompressSync(bomb)],
  ['zstd', zstdCompressSync(bomb)],
])('a %s bomb is cut at the cap, not unpacked', async (coding, packed) => {
  expect(packed.length).toBeLessThan(BUDGET / 8);
  if (coding === 'gzip') expect(gunzipSync(packed)).toHaveLength(UNPACKED);
  const { reply, effect } = await fetchAnswer((response) => {
    response.setHeader('Content-Encoding', coding);
    response.end(packed);
  });
  expect(reply).toMatchObject({ ok: false, code: 'limit' });
  expect(effect.state).toBe('answered');
  expect(effect.bytes).toBeLessThanOrEqual(BUDGET);
});

it('an answer without end is cut at the cap', async () => {
  const { reply } = await fetchAnswer((response) => {
    const chunk = Buffer.alloc(1 << 16);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    response.on('error', () => undefined);
    more();
  });
  expect(reply).toMatchObject({ ok: false, code: 'limit' });
});

it('compressed bytes that unpack to nothing are bounded as well', async () => {
  // Empty gzip members, one after the other.
  const empty = gzipSync('');
  const chunk = Buffer.concat(Array.from({ length: 4096 }, () => empty));
  const { reply } = await fetchAnswer((response) => {
    response.setHeader('Content-Encoding', 'gzip');
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    response.on('error', () => undefined);
    more();
  });
  expect(reply).toMatchObject({ ok: false, code: 'limit' });
});

it('answer headers without end are refused', async () => {
  const { reply } = await fetchAnswer((response) => {
    response.socket?.write(`HTTP/1.1 200 OK\r\n${`X-Y: ${'z'.repeat(1000)}\r\n`.repeat(100)}`);
  });
  expect(reply).toMatchObject({ ok: false, code: 'failed' });
});
