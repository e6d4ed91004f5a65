// A server that sends back what it was sent, in every wrapping servers and proxies use, tells the guest
// nothing; and no request carries a secret that a rule does not send with exactly that request.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EgressReply } from '../../../src/reach/egress/egress.ts';
import { fetchOnce, openSession, testEgress, type TestEgress } from '../../support/egress.ts';
import { loopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';
import { secretRules, testVault, type TestVault } from '../../support/vault.ts';

const SECRET = 'sk-"4f9Qx7Lm2/Zt8Rb1+Vn6Kc3Wd';

/** What arrived at the server, by request. */
const arrived: { url: string; headers: IncomingMessage['headers'] }[] = [];

type Echo = (field: string, response: ServerResponse) => unknown;
const coded =
  (coding: string, compress: (text: string) => Buffer): Echo =>
  (field, response) => {
    response.setHeader('content-encoding', coding);
    response.end(compress(`you sent ${field}`));
  };

const ECHOES: Readonly<Record<string, Echo>> = {
  plain: (field, response) => response.end(`you sent ${field}`),
  json: (field, response) => response.end(JSON.stringify({ headers: { authorization: field } })),
  base64: (field, response) => response.end(Buffer.from(`x:${field}`).toString('base64')),
  hex: (field, response) => response.end(Buffer.from(field).toString('hex').toUpperCase()),
  url: (field, response) => response.end(`?auth=${encodeURIComponent(field)}`),
  gzip: coded('gzip', (text) => gzipSync(text)),
  deflate: coded('deflate', (text) => deflateSync(text)),
  brotli: coded('br', (text) => brotliCompressSync(text)),
  chunked: async (field, response) => {
    for (const character of `you sent ${field}, did you not`) {
      response.write(character);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    response.end();
  },
  header: (field, response) => {
    response
      .setHeader('x-echo', field)
      .setHeader('x-echo-64', Buffer.from(field).toString('base64'));
    response.end('see above');
  },
  cookie: (field, response) => {
    response.setHeader('set-cookie', `token=${encodeURIComponent(field)}`).end('set');
  },
  'a header’s name': (field, response) => {
    response.setHeader(`x-${Buffer.from(field).toString('hex')}`, '1').end('see above');
  },
  'a status without success': (field, response) => {
    response.statusCode = 401;
    response.end(`bad credentials: ${field}`);
  },
};

let server: LoopbackServer;
let egress: TestEgress;
let kept: TestVault;

beforeAll(async () => {
  const listener: RequestListener = (request, response) => {
    const url = decodeURIComponent(request.url ?? '');
    arrived.push({ url, headers: request.headers });
    request.resume();
    const echo = ECHOES[url.slice('/v1/'.length)];
    if (echo === undefined) response.end('nothing to echo');
    else void echo(request.headers.authorization ?? '(none)', response);
  };
  server = await loopbackServer(listener);
  kept = await testVault({ API_KEY: SECRET });
  egress = await testEgress({ secrets: kept.vault });
});

afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  kept[Symbol.dispose]();
});

function permit(...rules: readonly string[]): ReturnType<typeof reachPermit> {
  const origin = `http://127.0.0.1:${server.port}`;
  return reachPermit({
    allowNet: [netRule(`GET,POST ${origin}/**`)],
    secrets: secretRules(...rules.map((rule) => rule.replace('ORIGIN', origin))),
  });
}

const BEARER = 'API_KEY@GET,ORIGIN/v1/**:Authorization=Bearer {}';
const urlOf = (path: string): string => `http://127.0.0.1:${server.port}${encodeURI(path)}`;

/** Everything of a reply, with encodings undone as a guest might. */
function whole(reply: EgressReply): string {
  if (!reply.ok) return reply.message;
  const { status, headers } = reply.value;
  const body = Buffer.from(reply.bytes ?? []).toString();
  const texts = [String(status), ...headers.flat(), body];
  const decoded = texts.flatMap((text) => [
    Buffer.from(text, 'base64').toString('latin1'),
    Buffer.from(text, 'hex').toString('latin1'),
    Buffer.from(text.replace(/^x-/, ''), 'hex').toString('latin1'),
  ]);
  return [...texts, ...decoded].join('\n');
}

describe.each(Object.keys(ECHOES))('echoed: %s', (path) => {
  test('control: the server has it, and its bare answer would give it away', async () => {
    const before = arrived.length;
    await fetchOnce(egress, permit(BEARER), { url: urlOf(`/v1/${path}`) });
    expect(arrived[before]?.headers.authorization).toBe(`Bearer ${SECRET}`);
    const bare = await fetch(urlOf(`/v1/${path}`), {
      headers: { authorization: `Bearer ${SECRET}` },
    });
    const given = [...bare.headers].flat().join('\n') + (await bare.text());
    const forms = [SECRET, encodeURIComponent(SECRET), JSON.stringify(SECRET).slice(1, -1)];
    const encodings = [`x:Bearer ${SECRET}`, `Bearer ${SECRET}`].flatMap((text) => [
      Buffer.from(text).toString('base64'),
      Buffer.from(text).toString('hex'),
      Buffer.from(text).toString('hex').toUpperCase(),
    ]);
    expect([...forms, ...encodings].some((form) => given.includes(form))).toBe(true);
  });

  test('in one piece', async () => {
    const { reply } = await fetchOnce(egress, permit(BEARER), { url: urlOf(`/v1/${path}`) });
    const text = whole(reply);
    expect(reply.ok).toBe(true);
    for (const part of [SECRET, SECRET.slice(0, 14), SECRET.slice(-14), JSON.stringify(SECRET)]) {
      expect(text).not.toContain(part);
      expect(text).not.toContain(encodeURIComponent(part));
    }
    expect(text).toMatch(path === 'cookie' ? /set/ : /\*{16}/);
  });

  test('in parts', async () => {
    using session = openSession(egress, permit(BEARER));
    const { signal } = new AbortController();
    const step = session.stream.bind(session);
    const opened = await step(
      { op: 'http-open', method: 'GET', url: urlOf(`/v1/${path}`), headers: [] },
      signal,
    );
    if (!opened.ok || !('exchange' in opened.value)) throw new Error('not opened');
    const { exchange } = opened.value;
    const head = await step({ op: 'http-finish', exchange }, signal);
    const parts: Uint8Array[] = [];
    for (;;) {
      const read = await step({ op: 'http-read', exchange, length: 7 }, signal);
      if (!read.ok) throw new Error(read.message);
      if (read.bytes !== undefined) parts.push(read.bytes);
      if ('end' in read.value && read.value.end) break;
    }
    const text = JSON.stringify(head) + Buffer.concat(parts).toString();
    for (const part of [SECRET, JSON.stringify(SECRET).slice(1, -1), encodeURIComponent(SECRET)]) {
      expect(text).not.toContain(part);
    }
    if (path !== 'cookie') expect(session.masked).toBeGreaterThan(0);
  });
});

describe('what is sent', () => {
  async function fieldsOf(
    rules: readonly string[],
    path: string,
    method = 'GET',
    headers: readonly (readonly [string, string])[] = [],
  ): Promise<IncomingMessage['headers'] | undefined> {
    const before = arrived.length;
    await fetchOnce(egress, permit(...rules), { url: urlOf(path), method, headers });
    return arrived[before]?.headers;
  }

  test('only by method, path and origin of the rule', async () => {
    expect(await fieldsOf([BEARER], '/v1/x')).toHaveProperty('authorization', `Bearer ${SECRET}`);
    expect(await fieldsOf([BEARER], '/v1/x', 'POST')).not.toHaveProperty('authorization');
    expect(await fieldsOf([BEARER], '/v2/x')).not.toHaveProperty('authorization');
    expect(await fieldsOf([BEARER], '/v1')).not.toHaveProperty('authorization');
    expect(await fieldsOf([], '/v1/x')).not.toHaveProperty('authorization');
    const other = BEARER.replace('ORIGIN', 'http://127.0.0.1:1');
    expect(await fieldsOf([other], '/v1/x')).not.toHaveProperty('authorization');
  });

  test('a guest’s own field of that name gives way to it', async () => {
    const rule = 'API_KEY@GET,ORIGIN/v1/**:X-Api-Key';
    const headers = [['X-API-Key', 'mine, not yours']] as const;
    expect(await fieldsOf([rule], '/v1/x', 'GET', headers)).toHaveProperty('x-api-key', SECRET);
  });

  test('a secret that is not in the vault: the request is refused, and never arrives', async () => {
    const before = arrived.length;
    const { reply, effect } = await fetchOnce(egress, permit(BEARER.replace('API_KEY', 'NONE')), {
      url: urlOf('/v1/x'),
    });
    expect(reply).toMatchObject({ ok: false, code: 'denied' });
    expect(JSON.stringify(reply)).toContain('`NONE` is not in the vault');
    expect(effect.state).toBe('refused');
    expect(arrived).toHaveLength(before);
  });

  test('the operator’s environment has no part in it', async () => {
    process.env['NONE'] = SECRET;
    try {
      const request = { url: urlOf('/v1/x') };
      const { reply } = await fetchOnce(egress, permit(BEARER.replace('API_KEY', 'NONE')), request);
      expect(reply.ok).toBe(false);
    } finally {
      delete process.env['NONE'];
    }
  });
});

test('a server that drops the connection after reading the secret tells nothing', async () => {
  const rude = await loopbackServer((request) =>
    request.socket.end(`${String(request.headers.authorization)}\r\n`),
  );
  try {
    const origin = `http://127.0.0.1:${rude.port}`;
    const { reply } = await fetchOnce(
      egress,
      reachPermit({
        allowNet: [netRule(`GET ${origin}/**`)],
        secrets: secretRules(`API_KEY@GET,${origin}/**:authorization={}`),
      }),
      { url: `${origin}/x` },
    );
    expect(reply.ok).toBe(false);
    expect(JSON.stringify(reply)).not.toContain(SECRET.slice(4, 14));
  } finally {
    await rude[Symbol.asyncDispose]();
  }
});
