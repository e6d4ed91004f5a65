import type { IncomingMessage } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock/clock.ts';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import {
  createEgress,
  createNetBudget,
  type EgressOptions,
  type EgressRequest,
  type EgressResult,
} from '../../../src/reach/egress/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';

const loopback = async (): Promise<readonly string[]> => ['127.0.0.1'];

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

function fetchWith(
  permit: Permit,
  request: Partial<EgressRequest> & { readonly url: string },
  options: EgressOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<EgressResult> {
  const whole = { method: 'GET', headers: [], body: new Uint8Array(), ...request };
  const egress = createEgress({ resolve: loopback, ...options });
  return egress.fetch(permit, whole, signal, createNetBudget(permit));
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
    expect(JSON.parse(Buffer.from(reply.bytes).toString())).toEqual([
      'POST',
      '/a/b?c=d',
      'v',
      `api.example:${server.port}`,
      'hello',
    ]);
    const target = `POST http://api.example:${server.port}/a/b?c=d`;
    expect(effect).toMatchObject({ kind: 'http', state: 'answered', target });
    expect(effect.bytes).toBeGreaterThan(reply.bytes.length);
    expect(hops).toEqual([]);
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

  it('shares its connection with no other', async () => {
    await using server = await loopbackServer((_, response) => response.end());
    const permit = permitFor(server.port);
    const url = `http://api.example:${server.port}/`;
    await fetchWith(permit, { url });
    await fetchWith(permit, { url });
    expect(server.connections()).toBe(2);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('gets a %s answer decompressed', async (coding, compress) => {
    await using server = await loopbackServer((_, response) => {
      response.setHeader('Content-Encoding', coding);
      response.end(compress('plain text'));
    });
    const url = `http://api.example:${server.port}/`;
    const { reply } = await fetchWith(permitFor(server.port), { url });
    if (!reply.ok) throw new Error(reply.message);
    expect(Buffer.from(reply.bytes).toString()).toBe('plain text');
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

  it('takes nothing but a permit', async () => {
    const lookAlike = { terms: permitFor(80).terms } as unknown as Permit;
    await expect(
      createEgress().fetch(
        lookAlike,
        { method: 'GET', url: 'http://api.example/', headers: [], body: new Uint8Array() },
        new AbortController().signal,
        createNetBudget(permitFor(80)),
      ),
    ).rejects.toThrow(TypeError);
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
    const resolve = async (): Promise<never> => {
      throw new Error('ENOTFOUND');
    };
    const unknown = await fetchWith(permitFor(80), { url: 'http://api.example/' }, { resolve });
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
    const { reply, effect } = await fetchWith(permitFor(server.port), { url }, {}, ended.signal);
    expect(reply).toMatchObject({ ok: false, code: 'failed' });
    expect(effect.state).toBe('sent');
    await closed;
  });

  it('ends a look-up that hangs', async () => {
    const resolve = (): Promise<never> => new Promise(() => undefined);
    const options = { resolve, totalMs: 50 };
    const { reply, effect } = await fetchWith(
      permitFor(80),
      { url: 'http://api.example/' },
      options,
    );
    expect(reply).toMatchObject({ ok: false, code: 'limit' });
    expect(effect.state).toBe('not-sent');
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
    const budget = createNetBudget(permit);
    const egress = createEgress({ resolve: loopback });
    const request = {
      method: 'GET',
      url: `http://api.example:${server.port}/`,
      headers: [],
      body: new Uint8Array(),
    };
    const { signal } = new AbortController();
    const first = await egress.fetch(permit, request, signal, budget);
    expect(first.reply.ok).toBe(true);
    const second = await egress.fetch(permit, request, signal, budget);
    expect(second.reply).toMatchObject({ ok: false, code: 'limit' });
    expect(second.effect.state).toBe('answered');
    expect(budget.remaining).toBeGreaterThanOrEqual(0);
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
