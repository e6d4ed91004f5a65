import { createSocket } from 'node:dgram';
import type { IncomingMessage } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock/clock.ts';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import { createEgress, type EgressRequest } from '../../../src/reach/egress/egress.ts';
import { createNetBudget } from '../../../src/reach/egress/net-budget.ts';
import {
  brokerPids,
  type Fetched,
  fetchOnce,
  openSession,
  testEgress,
  textOf,
  type TestEgress,
  type TestEgressOptions,
} from '../../support/egress.ts';
import { processBundle } from '../../support/process-bundle.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';

let shared: TestEgress;
beforeAll(async () => {
  shared = await testEgress();
});
afterAll(() => shared[Symbol.asyncDispose]());

/** May do anything on `api.example` and its address at this port. */
function permitFor(port: number, netBytes?: number, scheme = 'http'): Permit {
  return reachPermit({
    allowNet: [
      netRule(`* ${scheme}://api.example:${port}/**`),
      netRule(`* ${scheme}://127.0.0.1:${port}/**`),
    ],
    limits: callLimits(netBytes),
  });
}

async function fetchWith(
  permit: Permit,
  request: Partial<EgressRequest> & { readonly url: string },
  options?: TestEgressOptions,
  signal?: AbortSignal,
): Promise<Fetched> {
  if (options === undefined) return fetchOnce(shared, permit, request, signal);
  await using own = await testEgress(options);
  return await fetchOnce(own, permit, request, signal);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

describe('a request', () => {
  it('is sent as asked, and its answer comes back', async () => {
    await using server = await loopbackServer((request, response) => {
      void bodyOf(request).then((body) => {
        response.writeHead(201, { 'X-Seen': 'yes', 'Set-Cookie': 's=1' });
        response.end(
          JSON.stringify([
            request.method,
            request.url,
            request.headers['x-mine'],
            request.headers.host,
            body,
          ]),
        );
      });
    });
    const { reply, effect, hops } = await fetchWith(permitFor(server.port), {
      method: 'POST',
      url: `http://api.example:${server.port}/a/b?c=d#e`,
      headers: [['X-Mine', 'v']],
      body: Buffer.from('hello'),
    });
    if (!reply.ok) throw new Error(reply.message);
    expect(reply.value.status).toBe(201);
    expect(reply.value.headers).toContainEqual(['x-seen', 'yes']);
    expect(reply.value.headers.map(([name]) => name)).not.toContain('set-cookie');
    expect(JSON.parse(textOf(reply))).toEqual([
      'POST',
      '/a/b?c=d',
      'v',
      `api.example:${server.port}`,
      'hello',
    ]);
    const target = `POST http://api.example:${server.port}/a/b?c=d`;
    expect(effect).toMatchObject({ kind: 'http', state: 'answered', target });
    expect(effect.bytes).toBeGreaterThan(textOf(reply).length);
    expect(hops).toEqual([]);
  });

  it('keeps its body while others are asked for', async () => {
    await using server = await loopbackServer((request, response) => {
      void bodyOf(request).then((body) => response.end(body));
    });
    const permit = permitFor(server.port);
    const bodies = Array.from({ length: 20 }, (_, at) => String.fromCharCode(65 + at).repeat(200));
    const url = `http://api.example:${server.port}/`;
    const texts = await Promise.all(
      bodies.map(async (body) => {
        const asked = { method: 'POST', url, body: Buffer.from(body) };
        return textOf((await fetchWith(permit, asked)).reply);
      }),
    );
    expect(texts).toEqual(bodies);
  });

  it('over TLS is checked against the name of the URL', async () => {
    const folder = join(import.meta.dirname, '../../fixtures/tls');
    const cert = readFileSync(join(folder, 'server.crt'), 'utf8');
    const key = readFileSync(join(folder, 'public-test-only.key'), 'utf8');
    const names: unknown[] = [];
    await using server = await loopbackServer(
      (request, response) => {
        names.push((request.socket as unknown as { servername: unknown }).servername);
        response.end('secret');
      },
      { tls: { cert, key } },
    );
    const url = `https://api.example:${server.port}/`;
    const permit = permitFor(server.port, undefined, 'https');
    const trusted = await fetchWith(permit, { url }, { trusted: cert });
    expect(trusted.reply).toMatchObject({ ok: true, value: { status: 200 } });
    expect(names).toEqual(['api.example']);

    const untrusted = await fetchWith(permit, { url });
    expect(untrusted.reply).toMatchObject({ ok: false, code: 'failed' });
    expect(untrusted.effect.state).toBe('not-sent');
    const otherName = await fetchWith(
      permit,
      { url: `https://127.0.0.1:${server.port}/` },
      { trusted: cert },
    );
    expect(otherName.reply).toMatchObject({ ok: false, code: 'failed' });
  });

  it('shares its connection with the next of its call, and with no other call', async () => {
    await using server = await loopbackServer((_, response) => response.end());
    const permit = permitFor(server.port);
    const url = `http://api.example:${server.port}/`;
    {
      using session = openSession(shared, permit);
      await session.get(url);
      await session.get(url);
    }
    expect(server.connections()).toBe(1);
    await fetchWith(permit, { url });
    expect(server.connections()).toBe(2);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('gets a %s answer decompressed', async (coding, compress) => {
    await using server = await loopbackServer((_, response) => {
      response.setHeader('Content-Encoding', coding);
      response.end(compress('plain text'));
    });
    const url = `http://api.example:${server.port}/`;
    const { reply } = await fetchWith(permitFor(server.port), { url });
    expect(textOf(reply)).toBe('plain text');
    if (!reply.ok) throw new Error(reply.message);
    expect(reply.value.headers.map(([name]) => name)).not.toContain('content-encoding');
  });

  it('to HEAD of a compressed resource has no body', async () => {
    await using server = await loopbackServer((_, response) => {
      response.setHeader('Content-Encoding', 'gzip');
      response.end();
    });
    const url = `http://api.example:${server.port}/`;
    const { reply } = await fetchWith(permitFor(server.port), { method: 'HEAD', url });
    expect(reply).toMatchObject({ ok: true, value: { status: 200 } });
  });

  it.each([
    ['CONNECT', 'http://api.example/', 'invalid'],
    ['TRACE', 'http://api.example/', 'invalid'],
    ['GET /x HTTP/1.1\r\nHost: y\r\n\r\nGET', 'http://api.example/', 'invalid'],
    ['GET', 'http://other.example/', 'denied'],
  ])('%j %s is refused as %s', async (method, url, code) => {
    const { reply, effect } = await fetchWith(permitFor(80), { method, url });
    expect(reply).toMatchObject({ ok: false, code });
    expect(effect.state).toBe('refused');
  });

  it('names the remedy when it is refused', async () => {
    const { reply } = await fetchWith(permitFor(80), { url: 'http://other.example/a/b' });
    expect(reply).toMatchObject({
      message:
        '`GET http://other.example/a/b` is outside of what this call may reach; the operator can ' +
        "allow it with `warder tool grant probe --allow-net 'GET http://other.example/**'`",
    });
  });

  it('takes nothing but a permit', () => {
    const lookAlike = { terms: permitFor(80).terms } as unknown as Permit;
    expect(() => shared.open(lookAlike, () => undefined)).toThrow(TypeError);
  });

  it('is not sent when the permit has expired', async () => {
    const permit = permitFor(80);
    const clock: Clock = { wall: () => permit.terms.expiresAt, monotonic: () => 0 };
    const { reply, effect } = await fetchWith(permit, { url: 'http://api.example/' }, { clock });
    expect(reply).toMatchObject({ ok: false, code: 'denied' });
    expect(effect.state).toBe('refused');
  });
});

describe('the effect says how far a request got', () => {
  it('not-sent when the name cannot be looked up, or nobody listens', async () => {
    const zone = (): readonly string[] => [];
    const unknown = await fetchWith(permitFor(80), { url: 'http://api.example/' }, { zone });
    expect(unknown.reply).toMatchObject({ ok: false, code: 'not-found' });
    expect(unknown.effect.state).toBe('not-sent');

    let port = 0;
    {
      await using server = await loopbackServer(() => undefined);
      ({ port } = server);
    }
    const refused = await fetchWith(permitFor(port), { url: `http://api.example:${port}/` });
    expect(refused.reply).toMatchObject({ ok: false, code: 'failed' });
    expect(refused.effect.state).toBe('not-sent');
  });

  it('sent when the answer never comes, and the time-out stops the request', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    await using server = await loopbackServer((request) => {
      closed = new Promise((resolve) => {
        request.socket.once('close', resolve);
      });
    });
    const url = `http://api.example:${server.port}/`;
    const { reply, effect } = await fetchWith(permitFor(server.port), { url }, { totalMs: 300 });
    expect(reply).toMatchObject({ ok: false, code: 'limit' });
    expect(effect.state).toBe('sent');
    await closed;
  });

  it('sent when the call ends meanwhile, and the connection is closed', async () => {
    const ended = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    await using server = await loopbackServer((request) => {
      closed = new Promise((resolve) => {
        request.socket.once('close', resolve);
      });
      ended.abort();
    });
    const url = `http://api.example:${server.port}/`;
    const { reply, effect } = await fetchWith(
      permitFor(server.port),
      { url },
      undefined,
      ended.signal,
    );
    expect(reply).toMatchObject({ ok: false, code: 'failed' });
    expect(effect.state).toBe('sent');
    await closed;
  });

  it('not-sent when nobody answers the look-up in time', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => {
      silent.bind(0, '127.0.0.1', resolve);
    });
    const egress = createEgress({
      brokerPath: await processBundle('egress-broker'),
      nameServers: [`127.0.0.1:${silent.address().port}`],
      totalMs: 200,
    });
    const asked = { url: 'http://api.example/' };
    const { reply, effect } = await fetchOnce(egress, permitFor(80), asked);
    expect(reply).toMatchObject({ ok: false, code: 'limit' });
    expect(effect.state).toBe('not-sent');
    await egress.close();
    silent.close();
  });
});

describe('the budget of a call', () => {
  it('stops a request that is too large before it is sent', async () => {
    await using server = await loopbackServer((_, response) => response.end());
    const url = `http://api.example:${server.port}/`;
    const { reply, effect } = await fetchWith(permitFor(server.port, 1000), {
      method: 'POST',
      url,
      body: new Uint8Array(1000),
    });
    expect(reply).toMatchObject({ ok: false, code: 'limit' });
    expect(effect).toMatchObject({ state: 'not-sent', bytes: 0 });
    expect(server.connections()).toBe(0);
  });

  it('is shared by the requests of the call', async () => {
    await using server = await loopbackServer((_, response) => response.end(Buffer.alloc(600)));
    const permit = permitFor(server.port, 1300);
    using session = openSession(shared, permit);
    const url = `http://api.example:${server.port}/`;
    expect(await session.get(url)).toMatchObject({ ok: true });
    expect(await session.get(url)).toMatchObject({ ok: false, code: 'limit' });
    expect(session.effects.map(({ state }) => state)).toEqual(['answered', 'answered']);
    // What is left is less than the answer was: nothing was given back.
    expect(await session.get(url)).toMatchObject({ ok: false, code: 'limit' });
  });

  it('gives nothing back for a negative or senseless amount', () => {
    const budget = createNetBudget(permitFor(80, 100));
    for (const amount of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(budget.take(amount)).toBe(false);
    }
    expect(budget.remaining).toBe(100);
  });
});

describe("warder's own listeners", () => {
  it('are reached by no rule, by no address', async () => {
    await using server = await loopbackServer((_, response) => response.end(), {
      host: '127.0.0.2',
    });
    const { port } = server;
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const allowNet = [...addresses, 'api.example'].map((host) =>
      netRule(`* http://${host}:${port}/**`),
    );
    const permit = reachPermit({ allowNet });
    const reach = (bound: string, url: string) =>
      fetchWith(permit, { url }, { forbidden: () => [{ address: bound, port }] });
    for (const url of [...addresses, 'api.example'].map((host) => `http://${host}:${port}/`)) {
      const { reply } = await reach('0.0.0.0', url);
      expect(reply).toMatchObject({ ok: false, code: 'denied' });
    }
    expect(server.connections()).toBe(0);
    const elsewhere = await reach('127.0.0.1', `http://127.0.0.2:${port}/`);
    expect(elsewhere.reply.ok).toBe(true);
  });
});

describe('processes that send', () => {
  const hanging = () =>
    loopbackServer((request, response) => {
      if (request.url !== '/hang') response.end('fine');
    });
  const permitOf = (id: string, port: number): Permit =>
    reachPermit({
      installation: { id, name: id, digest: 'd' },
      allowNet: [netRule(`* http://127.0.0.1:${port}/**`)],
    });

  it('are bounded; one that is busy is not ended for another installation', async () => {
    await using server = await hanging();
    await using egress = await testEgress({ brokers: { most: 1, idleMs: 60_000 } });
    const url = `http://127.0.0.1:${server.port}`;
    using first = openSession(egress, permitOf('first', server.port));
    using second = openSession(egress, permitOf('second', server.port));
    const ended = new AbortController();
    const asked = { method: 'GET', url: `${url}/hang`, headers: [], body: new Uint8Array() };
    const hung = first.fetch(asked, ended.signal);
    await expect.poll(() => server.connections()).toBe(1);
    const busy = await second.get(`${url}/`);
    expect(busy).toMatchObject({ ok: false, code: 'failed' });
    expect(second.effects).toMatchObject([{ state: 'not-sent' }]);
    ended.abort();
    await hung;
    await expect.poll(() => second.get(`${url}/`)).toMatchObject({ ok: true });
  });

  it('are of one installation and one tenant each', async () => {
    await using server = await hanging();
    await using egress = await testEgress();
    const url = `http://127.0.0.1:${server.port}/`;
    const others = brokerPids();
    const pids = new Set<number>();
    for (const id of ['one', 'two', 'three']) {
      using session = openSession(egress, permitOf(id, server.port));
      expect(textOf(await session.get(url))).toBe('fine');
      for (const pid of brokerPids()) if (!others.includes(pid)) pids.add(pid);
    }
    // Three in use and a blank one.
    expect(pids.size).toBe(4);
  });
});
