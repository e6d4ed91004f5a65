// HTTP/2, where a server speaks it: the same checks, the same answers.

import { readFileSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  brokerPids,
  fetchOnce,
  openSession,
  testEgress,
  type TestEgress,
  textOf,
} from '../../support/egress.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';

const folder = join(import.meta.dirname, '../../fixtures/tls');
const cert = readFileSync(join(folder, 'server.crt'), 'utf8');
const key = readFileSync(join(folder, 'public-test-only.key'), 'utf8');

let egress: TestEgress;
beforeAll(async () => {
  egress = await testEgress({ trusted: cert });
});
afterAll(() => egress[Symbol.asyncDispose]());

type Answer = (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => void;

/** Speaks HTTP/2 and nothing else. */
async function h2Server(answer: Answer) {
  const server = createSecureServer({ cert, key, allowHTTP1: false });
  let connections = 0;
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => sockets.add(socket));
  server.on('secureConnection', () => {
    connections += 1;
  });
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    answer(stream as ServerHttp2Stream, headers);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://api.example:${port}/`,
    permit: (netBytes?: number) =>
      reachPermit({
        allowNet: [
          netRule(`* https://api.example:${port}/**`),
          netRule(`* https://127.0.0.1:${port}/**`),
        ],
        limits: callLimits(netBytes),
      }),
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

describe('over HTTP/2', () => {
  it('requests of a call share one connection, and see what HTTP/1.1 would show', async () => {
    const seen: unknown[] = [];
    await using server = await h2Server((stream, headers) => {
      seen.push([headers[':method'], headers[':authority'], headers['x-mine']]);
      stream.respond({ ':status': 200, 'x-answer': 'yes', 'set-cookie': 'a=b' });
      stream.end('two');
    });
    using session = openSession(egress, server.permit());
    for (let count = 0; count < 3; count += 1) {
      const reply = await session.fetch(
        { method: 'GET', url: server.url, headers: [['X-Mine', 'v']], body: new Uint8Array() },
        new AbortController().signal,
      );
      expect(textOf(reply)).toBe('two');
      if (!reply.ok) throw new Error('refused');
      expect(reply.value.headers).toContainEqual(['x-answer', 'yes']);
      expect(reply.value.headers.map(([name]) => name)).not.toContain('set-cookie');
      expect(reply.value.headers.some(([name]) => name.startsWith(':'))).toBe(false);
    }
    const { host } = new URL(server.url);
    expect(seen).toEqual([1, 2, 3].map(() => ['GET', host, 'v']));
    expect(server.connections()).toBe(1);
  });

  it('a body goes there, whole or in parts, and comes back decompressed', async () => {
    await using server = await h2Server((stream) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'content-encoding': 'gzip' });
        stream.end(gzipSync(Buffer.concat(parts)));
      });
    });
    const whole = { method: 'POST', url: server.url, body: Buffer.alloc(100_000, 'b') };
    const { reply } = await fetchOnce(egress, server.permit(), whole);
    expect(textOf(reply)).toBe('b'.repeat(100_000));

    using session = openSession(egress, server.permit());
    const { signal } = new AbortController();
    const opened = await session.stream(
      { op: 'http-open', method: 'POST', url: server.url, headers: [] },
      signal,
    );
    if (!opened.ok || !('exchange' in opened.value)) throw new Error(JSON.stringify(opened));
    const { exchange } = opened.value;
    for (const part of ['one ', 'two']) {
      await session.stream({ op: 'http-write', exchange, data: Buffer.from(part) }, signal);
    }
    expect(await session.stream({ op: 'http-finish', exchange }, signal)).toMatchObject({
      ok: true,
    });
    let text = '';
    for (let end = false; !end;) {
      const read = await session.stream({ op: 'http-read', exchange, length: 4 }, signal);
      if (!read.ok || !('end' in read.value)) throw new Error(JSON.stringify(read));
      text += Buffer.from(read.bytes ?? []).toString();
      ({ end } = read.value);
    }
    expect(text).toBe('one two');
  });

  it('the byte cap ends an answer without end', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    await using server = await h2Server((stream) => {
      closed = new Promise((resolve) => {
        stream.once('close', resolve);
      });
      stream.respond({ ':status': 200 });
      const chunk = Buffer.alloc(1 << 14);
      const more = (): void => {
        while (!stream.destroyed && stream.write(chunk));
      };
      stream.on('drain', more);
      more();
    });
    const { reply } = await fetchOnce(egress, server.permit(1 << 20), { url: server.url });
    expect(reply).toMatchObject({ ok: false, code: 'limit' });
    await closed;
  });

  it('requests given up at any moment, and sessions that break, end nothing but themselves', async () => {
    const seen = { asked: 0 };
    await using server = await h2Server((stream) => {
      seen.asked += 1;
      const { asked } = seen;
      if (asked % 7 === 0) {
        stream.session?.goaway();
      } else if (asked % 11 === 0) {
        stream.session?.destroy();
      } else if (asked % 5 === 0) {
        stream.close(2);
      } else {
        stream.respond({ ':status': 200 });
        stream.write(Buffer.alloc(20_000));
        if (asked % 3 === 0) stream.end();
      }
    });
    const permit = server.permit();
    await fetchOnce(egress, permit, { url: server.url }, AbortSignal.timeout(500));
    const before = brokerPids();
    // A few at a time and ever later, until many got as far as the server, however busy the machine is.
    for (let round = 0; round < 60 && seen.asked < 40; round += 1) {
      await Promise.all(
        Array.from({ length: 6 }, async (_, at) => {
          const gone = AbortSignal.timeout(1 + at * (10 + round * 2));
          const { reply } = await fetchOnce(egress, permit, { url: server.url }, gone);
          if (!reply.ok) expect(reply.code).toBe('failed');
        }),
      );
    }
    expect(brokerPids()).toEqual(before);
    expect(seen.asked).toBeGreaterThanOrEqual(40);
  });

  it('a certificate for another name is no certificate', async () => {
    await using server = await h2Server((stream) => stream.end());
    const url = server.url.replace('api.example', '127.0.0.1');
    const { reply, effect } = await fetchOnce(egress, server.permit(), { url });
    expect(reply).toMatchObject({
      ok: false,
      message: 'the request failed (ERR_TLS_CERT_ALTNAME_INVALID)',
    });
    expect(effect.state).toBe('not-sent');
  });
});
