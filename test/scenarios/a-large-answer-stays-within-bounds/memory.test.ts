// What a server can make warder hold: 256 MiB, a bomb of 204 KB that is 200 MB, and a guest that reads
// slowly. Measured where the bytes arrive.

import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { brokerPid, openSession, testEgress } from '../../support/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';

const MiB = 1 << 20;
const LARGE = 256 * MiB;
/** The SDK held 1.1 to 1.4 GB for the same. */
const MOST_MIB = 400;
const STREAMED_MIB = 200;

const never = new AbortController().signal;

/** The most memory a process ever had, MiB. */
function peakMiB(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) / 1024;
}

function sendLarge(response: ServerResponse): void {
  const chunk = Buffer.alloc(MiB, 'x');
  let left = LARGE;
  response.setHeader('content-length', LARGE);
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length;
      if (!response.write(chunk)) return;
    }
    response.end();
  };
  response.on('drain', more).on('error', () => undefined);
  more();
}

const bomb = gzipSync(Buffer.alloc(200_000_000));

async function serve() {
  const server = await loopbackServer((request, response) => {
    if (request.url === '/bomb') response.setHeader('content-encoding', 'gzip').end(bomb);
    else sendLarge(response);
  });
  const limits = callLimits(1 << 30);
  const permit = reachPermit({
    allowNet: [netRule(`GET http://127.0.0.1:${server.port}/**`)],
    limits: { ...limits, requests: 100 },
  });
  return { server, permit, url: `http://127.0.0.1:${server.port}` };
}

it('in one piece: an answer is cut where it is larger than any may be, granted or not', async () => {
  expect(bomb.length).toBeLessThan(220_000);
  const { server, permit, url } = await serve();
  await using _server = server;
  await using egress = await testEgress();
  using session = openSession(egress, permit);
  for (const path of ['/large', '/bomb', '/large', '/bomb']) {
    expect(await session.get(url + path)).toMatchObject({ ok: false, code: 'limit' });
  }
  expect(peakMiB(brokerPid())).toBeLessThan(MOST_MIB);
});

it('in parts: all of it passes, and little of it is ever held', { timeout: 60_000 }, async () => {
  const { server, permit, url } = await serve();
  await using _server = server;
  await using egress = await testEgress();
  using session = openSession(egress, permit);
  for (const [path, size] of [
    ['/large', LARGE],
    ['/bomb', 200_000_000],
  ] as const) {
    const opened = await session.stream(
      { op: 'http-open', method: 'GET', url: url + path, headers: [] },
      never,
    );
    if (!opened.ok || !('exchange' in opened.value)) throw new Error('not opened');
    const { exchange } = opened.value;
    await session.stream({ op: 'http-finish', exchange }, never);
    let got = 0;
    for (let end = false; !end;) {
      const read = await session.stream({ op: 'http-read', exchange, length: MiB }, never);
      if (!read.ok || !('end' in read.value)) throw new Error(JSON.stringify(read));
      got += read.bytes?.length ?? 0;
      ({ end } = read.value);
    }
    expect(got).toBe(size);
  }
  expect(peakMiB(brokerPid())).toBeLessThan(STREAMED_MIB);
});
