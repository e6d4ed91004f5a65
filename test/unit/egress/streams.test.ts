// Requests whose bodies travel in parts: as they should, and as a guest should not.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import type { StreamReply, StreamStep } from '../../../src/reach/egress/egress.ts';
import { openSession, type Session, testEgress, type TestEgress } from '../../support/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';

let egress: TestEgress;
beforeAll(async () => {
  egress = await testEgress();
});
afterAll(() => egress[Symbol.asyncDispose]());

const never = new AbortController().signal;

function permitFor(port: number, netBytes?: number): Permit {
  return reachPermit({
    allowNet: [netRule(`* http://127.0.0.1:${port}/**`)],
    denyNet: [netRule(`* http://127.0.0.1:${port}/private/**`)],
    limits: callLimits(netBytes),
  });
}

function step(session: Session, asked: StreamStep): Promise<StreamReply> {
  return session.stream(asked, never);
}

async function open(
  session: Session,
  url: string,
  method = 'GET',
  headers: readonly (readonly [string, string])[] = [],
): Promise<number> {
  const reply = await step(session, { op: 'http-open', method, url, headers });
  if (!reply.ok || !('exchange' in reply.value)) throw new Error(JSON.stringify(reply));
  return reply.value.exchange;
}

const write = (session: Session, exchange: number, data: string | Uint8Array) =>
  step(session, { op: 'http-write', exchange, data: Buffer.from(data) });
const finish = (session: Session, exchange: number) =>
  step(session, { op: 'http-finish', exchange });

/** Reads to the end; gives the text and how many reads it took. */
async function readAll(session: Session, exchange: number, length = 65_536) {
  let text = '';
  for (let reads = 1; ; reads += 1) {
    const reply = await step(session, { op: 'http-read', exchange, length });
    if (!reply.ok || !('end' in reply.value)) throw new Error(JSON.stringify(reply));
    text += Buffer.from(reply.bytes ?? []).toString();
    expect(reply.bytes?.length ?? 0).toBeLessThanOrEqual(length);
    if (reply.value.end) return { text, reads };
  }
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  for await (const part of request) response.write(part);
  response.end();
}

const server = (answer: (request: IncomingMessage, response: ServerResponse) => unknown) =>
  loopbackServer((request, response) => void answer(request, response));

describe('a streamed request', () => {
  it('is sent in parts and answered in parts', async () => {
    await using far = await server(echo);
    using session = openSession(egress, permitFor(far.port));
    const exchange = await open(session, `http://127.0.0.1:${far.port}/a`, 'POST');
    expect(session.underWay()).toMatchObject([{ state: 'not-sent' }]);
    for (const part of ['one ', 'two ', 'three']) {
      expect(await write(session, exchange, part)).toMatchObject({ ok: true });
    }
    expect(session.underWay()).not.toMatchObject([{ state: 'not-sent' }]);
    expect(await finish(session, exchange)).toMatchObject({ ok: true, value: { status: 200 } });
    expect(await readAll(session, exchange, 5)).toMatchObject({ text: 'one two three' });
    expect(session.effects).toMatchObject([{ state: 'answered', count: 1 }]);
    expect(session.underWay()).toEqual([]);
  });

  it('may say how long its body is, and must keep to it', async () => {
    await using far = await server((request, response) => {
      response.setHeader('x-length', String(request.headers['content-length']));
      request.resume().on('end', () => response.end());
    });
    using session = openSession(egress, permitFor(far.port));
    const url = `http://127.0.0.1:${far.port}/`;
    const good = await open(session, url, 'PUT', [['content-length', '4']]);
    await write(session, good, 'four');
    expect(await finish(session, good)).toMatchObject({
      value: { headers: expect.arrayContaining([['x-length', '4']]) as unknown },
    });
    const short = await open(session, url, 'PUT', [['content-length', '40']]);
    await write(session, short, 'four');
    expect(await finish(session, short)).toMatchObject({ ok: false, code: 'failed' });
  });

  it('without a body is one like any other, and a connection is used again', async () => {
    await using far = await server((_, response) => response.end('plain'));
    using session = openSession(egress, permitFor(far.port));
    for (let count = 0; count < 3; count += 1) {
      const exchange = await open(session, `http://127.0.0.1:${far.port}/`);
      expect(await finish(session, exchange)).toMatchObject({ ok: true });
      expect(await readAll(session, exchange)).toMatchObject({ text: 'plain' });
    }
    expect(far.connections()).toBe(1);
  });

  it('is decompressed as it is read', async () => {
    await using far = await server((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync('x'.repeat(300_000)));
    });
    using session = openSession(egress, permitFor(far.port));
    const exchange = await open(session, `http://127.0.0.1:${far.port}/`);
    await finish(session, exchange);
    const { text, reads } = await readAll(session, exchange, 1000);
    expect(text.length).toBe(300_000);
    expect(reads).toBeGreaterThan(290);
  });

  it('can run beside others to the same origin', async () => {
    await using far = await server((request, response) => response.end(request.url));
    using session = openSession(egress, permitFor(far.port));
    const urls = ['/a', '/b', '/c'];
    const exchanges = [];
    for (const path of urls) {
      const exchange = await open(session, `http://127.0.0.1:${far.port}${path}`);
      await finish(session, exchange);
      exchanges.push(exchange);
    }
    for (const [at, exchange] of exchanges.entries()) {
      expect(await readAll(session, exchange)).toMatchObject({ text: urls[at] });
    }
  });
});

describe('a guest gets no further with a stream than without', () => {
  it.each([
    ['CONNECT', '/', 'invalid'],
    ['GET', '/private/x', 'denied'],
    ['GET', '/../private/x', 'denied'],
  ])('%s %s is refused before anything is sent', async (method, path, code) => {
    await using far = await server((_, response) => response.end());
    using session = openSession(egress, permitFor(far.port));
    const url = `http://127.0.0.1:${far.port}${path}`;
    const reply = await step(session, { op: 'http-open', method, url, headers: [] });
    expect(reply).toMatchObject({ ok: false, code });
    expect(session.effects).toMatchObject([{ state: 'refused' }]);
    expect(far.connections()).toBe(0);
  });

  it.each([
    [
      ['content-length', '1'],
      ['content-length', '2'],
    ],
    [['content-length', '+1']],
    [['content-length', '0x1']],
    [['content-length', '1, 1']],
    [['transfer-encoding', 'chunked']],
  ] as const)('%j is no way to say where the body ends', async (...headers) => {
    await using far = await server((_, response) => response.end());
    using session = openSession(egress, permitFor(far.port));
    const url = `http://127.0.0.1:${far.port}/`;
    const reply = await step(session, { op: 'http-open', method: 'POST', url, headers });
    expect(reply.ok).toBe(false);
  });

  it('a body for GET, a part after the end, a read before it, a made-up number', async () => {
    await using far = await server((_, response) => response.end());
    using session = openSession(egress, permitFor(far.port));
    const url = `http://127.0.0.1:${far.port}/`;
    expect(await write(session, await open(session, url), 'x')).toMatchObject({ code: 'invalid' });
    const early = await open(session, url);
    const read = { op: 'http-read', exchange: early, length: 10 } as const;
    expect(await step(session, read)).toMatchObject({ code: 'invalid' });
    const late = await open(session, url, 'POST');
    await finish(session, late);
    expect(await write(session, late, 'x')).toMatchObject({ code: 'invalid' });
    expect(await finish(session, 999)).toMatchObject({ code: 'invalid' });
    expect(await step(session, { op: 'http-close', exchange: 999 })).toMatchObject({ ok: true });
  });

  it('no more than eight are open at once; a closed one makes room', async () => {
    using session = openSession(egress, permitFor(80));
    const url = 'http://127.0.0.1:80/';
    const first = await open(session, url);
    for (let count = 1; count < 8; count += 1) await open(session, url);
    const asked = { op: 'http-open', method: 'GET', url, headers: [] } as const;
    expect(await step(session, asked)).toMatchObject({ ok: false, code: 'limit' });
    await step(session, { op: 'http-close', exchange: first });
    expect(await step(session, asked)).toMatchObject({ ok: true });
  });

  it('the budget is charged as bytes flow, both ways, and no byte beyond it is given', async () => {
    await using far = await server(async (request, response) => {
      request.resume();
      response.end(Buffer.alloc(5000));
    });
    using session = openSession(egress, permitFor(far.port, 3000));
    const url = `http://127.0.0.1:${far.port}/`;
    const up = await open(session, url, 'POST');
    expect(await write(session, up, Buffer.alloc(1000))).toMatchObject({ ok: true });
    expect(await write(session, up, Buffer.alloc(2000))).toMatchObject({ code: 'limit' });
    const down = await open(session, url);
    await finish(session, down);
    let got = 0;
    for (;;) {
      const reply = await step(session, { op: 'http-read', exchange: down, length: 300 });
      if (!reply.ok) {
        expect(reply.code).toBe('limit');
        break;
      }
      got += reply.bytes?.length ?? 0;
    }
    expect(got).toBeLessThan(2000);
  });

  it('what was read stays paid for', async () => {
    await using far = await server((_, response) => response.end(Buffer.alloc(1000)));
    using session = openSession(egress, permitFor(far.port, 4000));
    const codes: unknown[] = [];
    for (let count = 0; count < 4; count += 1) {
      const exchange = await open(session, `http://127.0.0.1:${far.port}/`);
      await finish(session, exchange);
      const read = await step(session, { op: 'http-read', exchange, length: 2000 });
      codes.push(read.ok ? read.bytes?.length : read.code);
      await step(session, { op: 'http-close', exchange });
    }
    expect(codes.slice(0, 2)).toEqual([1000, 1000]);
    expect(codes.at(-1)).not.toBe(1000);
  });

  it('a redirect is followed with the full check, but not with a body that is gone', async () => {
    const seen: string[] = [];
    await using far = await server(async (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      for await (const _ of request);
      const [, status, path] = /^\/(\d+)\/(\w+)$/.exec(request.url ?? '') ?? [];
      if (status !== undefined) response.writeHead(Number(status), { Location: `/${path}/x` });
      response.end('there');
    });
    using session = openSession(egress, permitFor(far.port));
    const to = (path: string, method: string) =>
      open(session, `http://127.0.0.1:${far.port}${path}`, method);

    const plain = await to('/307/open', 'GET');
    expect(await finish(session, plain)).toMatchObject({ ok: true, value: { status: 200 } });
    const denied = await to('/307/private', 'GET');
    expect(await finish(session, denied)).toMatchObject({ ok: false, code: 'denied' });
    const changed = await to('/303/open', 'POST');
    await write(session, changed, 'body');
    expect(await finish(session, changed)).toMatchObject({ ok: true });
    const gone = await to('/308/open', 'POST');
    await write(session, gone, 'body');
    expect(await finish(session, gone)).toMatchObject({ ok: false, code: 'failed' });
    expect(seen).toEqual([
      'GET /307/open',
      'GET /open/x',
      'GET /307/private',
      'POST /303/open',
      'GET /open/x',
      'POST /308/open',
    ]);
  });
});

describe('a server is not read faster than the guest reads', () => {
  it('nor a guest heard faster than the server listens', async () => {
    let sent = 0;
    await using far = await server((_, response) => {
      const chunk = Buffer.alloc(1 << 16);
      const more = (): void => {
        do sent += chunk.length;
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more).on('error', () => undefined);
      more();
    });
    using session = openSession(egress, permitFor(far.port, 1 << 30));
    const exchange = await open(session, `http://127.0.0.1:${far.port}/`);
    await finish(session, exchange);
    let before = -1;
    // Until the buffers of the system are full and the server has to wait.
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(sent).toBeLessThan(32 << 20);
    await step(session, { op: 'http-read', exchange, length: 1 << 20 });
    await step(session, { op: 'http-close', exchange });
    expect(session.effects).toMatchObject([{ state: 'answered' }]);
  });
});

describe('the end of a call', () => {
  it('closes what is open and says what became of it', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    await using far = await server((request) => {
      closed = new Promise((resolve) => {
        request.socket.once('close', resolve);
      });
    });
    const session = openSession(egress, permitFor(far.port));
    const url = `http://127.0.0.1:${far.port}/`;
    await open(session, url);
    const exchange = await open(session, url, 'POST');
    await write(session, exchange, 'some');
    const waiting = finish(session, exchange);
    await expect.poll(() => far.connections()).toBe(1);
    session.close();
    expect(await waiting).toMatchObject({ ok: false });
    await closed;
    expect(session.effects.map(({ state }) => state).sort()).toEqual(['not-sent', 'sent']);
    const late = { op: 'http-open', method: 'GET', url, headers: [] } as const;
    expect(await step(session, late)).toMatchObject({ ok: false, code: 'denied' });
  });
});
