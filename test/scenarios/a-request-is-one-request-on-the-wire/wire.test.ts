// What a guest writes into a request must not become another request, another host or another sender;
// what a server writes into an answer must not become two. Seen as bytes, at the other end.

import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EgressRequest } from '../../../src/reach/egress/egress.ts';
import { fetchOnce, openSession, testEgress, type TestEgress } from '../../support/egress.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';

let egress: TestEgress;
beforeAll(async () => {
  egress = await testEgress({ headersMs: 2000, totalMs: 3000 });
});
afterAll(() => egress[Symbol.asyncDispose]());

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Keeps every byte it is sent; answers each request as it is told. */
async function wire(answers: readonly string[] = [OK]) {
  let received = '';
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      socket.write(answers[count % answers.length] ?? OK, 'latin1');
      count += 1;
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://api.example:${port}/`,
    received: () => received,
    permit: reachPermit({
      allowNet: [
        netRule(`* http://api.example:${port}/**`),
        netRule(`* http://127.0.0.1:${port}/**`),
      ],
    }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

const requests: readonly (readonly [string, Partial<EgressRequest>])[] = [
  ['a line break in a value', { headers: [['x-a', `b\r\n\r\n${SMUGGLED}`]] }],
  ['a bare LF', { headers: [['x-a', 'b\nHost: other']] }],
  ['a bare CR', { headers: [['x-a', 'b\rHost: other']] }],
  ['a NUL', { headers: [['x-a', 'b\0c']] }],
  ['a folded value', { headers: [['x-a', 'b\r\n c']] }],
  ['a letter that becomes a line break', { headers: [['x-a', 'b\u010d\u010aHost: other']] }],
  ['a name with a colon', { headers: [['host: other\r\nx', 'y']] }],
  ['a name with a blank', { headers: [['host ', 'other']] }],
  ['another host', { headers: [['Host', 'other.example']] }],
  ['another host by authority', { headers: [[':authority', 'other.example']] }],
  [
    'a second length',
    { method: 'POST', body: Buffer.from('abc'), headers: [['Content-Length', '1']] },
  ],
  ['a coding', { method: 'POST', headers: [['Transfer-Encoding', 'chunked']] }],
  ['a coding in disguise', { method: 'POST', headers: [['Transfer-Encoding\t', 'chunked']] }],
  [
    'an upgrade',
    {
      headers: [
        ['Upgrade', 'h2c'],
        ['Connection', 'Upgrade'],
      ],
    },
  ],
  ['an expectation', { method: 'POST', headers: [['Expect', '100-continue']] }],
  ['trailers', { headers: [['TE', 'trailers']] }],
  ['credentials', { headers: [['Authorization', 'Basic eDp5']] }],
  ['a cookie', { headers: [['Cookie', 'a=b']] }],
  ['credentials for a proxy', { headers: [['Proxy-Authorization', 'Basic eDp5']] }],
  ['another sender', { headers: [['Forwarded', 'for=127.0.0.1']] }],
  ['another sender, as proxies say it', { headers: [['X-Forwarded-For', '127.0.0.1']] }],
  ['a browser’s word', { headers: [['Sec-Fetch-Site', 'same-origin']] }],
  ['another method', { headers: [['X-HTTP-Method-Override', 'DELETE']] }],
  ['another path', { headers: [['X-Original-URL', '/admin']] }],
  ['a method with a blank', { method: `GET / HTTP/1.1\r\nHost: x\r\n\r\nGET` }],
];

it('the naive form sends the host, the credentials and the sender it is told', async () => {
  await using server = await wire();
  const { port } = new URL(server.url);
  const headers = {
    host: 'other.example',
    authorization: 'Basic eDp5',
    forwarded: 'for=127.0.0.1',
  };
  const { body } = await request(`http://127.0.0.1:${port}/`, { headers });
  await body.dump();
  expect(server.received()).toMatch(/^host: other\.example\r$/m);
  expect(server.received()).toMatch(/^authorization: Basic eDp5\r$/m);
  expect(server.received()).toMatch(/^forwarded: for=127\.0\.0\.1\r$/m);
});

describe('a guest cannot put into a request', () => {
  it.each(requests)('%s', async (_, asked) => {
    await using server = await wire();
    const { reply } = await fetchOnce(egress, server.permit, { url: server.url, ...asked });
    expect(reply.ok).toBe(false);
    expect(server.received()).toBe('');
  });

  it.each(['\r\nHost: other', ' HTTP/1.1\r\nHost: other', '%0d%0aHost: other', '/\u010d\u010ax'])(
    'a path such as %j',
    async (path) => {
      await using server = await wire();
      await fetchOnce(egress, server.permit, { url: server.url + path });
      expect(server.received().match(/^host:/gim)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(server.received()).not.toMatch(/^Host: other/m);
    },
  );

  it('and a body stays a body', async () => {
    await using server = await wire();
    const body = Buffer.from(SMUGGLED);
    const asked = { method: 'POST', url: server.url, body };
    const { reply } = await fetchOnce(egress, server.permit, asked);
    expect(reply.ok).toBe(true);
    const [head = '', ...rest] = server.received().split('\r\n\r\n');
    expect(head).toContain(`content-length: ${body.length}`);
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(rest.join('\r\n\r\n')).toBe(SMUGGLED);
  });

  it('what goes out is the method, the path, the host of the URL, and what the host adds', async () => {
    await using server = await wire();
    const { host } = new URL(server.url);
    const headers = [
      ['X-Mine', 'yes'],
      ['Host', host],
    ] as const;
    await fetchOnce(egress, server.permit, { url: `${server.url}a?b=c#d`, headers });
    const lines = server
      .received()
      .trimEnd()
      .split('\r\n')
      .map((line) => line.toLowerCase());
    expect(lines).toEqual([
      'get /a?b=c http/1.1',
      `host: ${host}`,
      'connection: keep-alive',
      'x-mine: yes',
      'accept-encoding: gzip, deflate, br, zstd',
      'user-agent: warder',
    ]);
  });
});

const answers: readonly (readonly [string, string])[] = [
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\nokHTTP/1.1'],
  [
    'a length and a coding',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok'],
  [
    'a coding in disguise',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'a chunk size that is none',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nok\r\n0\r\n\r\n',
  ],
  ['a blank before a colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok'],
  ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 2\r\n\r\nok'],
  ['a bare CR in a field', 'HTTP/1.1 200 OK\r\nX-A: b\rX-C: d\r\nContent-Length: 2\r\n\r\nok'],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  [
    'an upgrade nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ],
];

describe('a server cannot answer with', () => {
  it.each(answers)('%s', async (_, answer) => {
    await using server = await wire([answer]);
    const { reply } = await fetchOnce(egress, server.permit, { url: server.url });
    expect(reply).toMatchObject({ ok: false });
  });

  it('two answers to one request: the second is nobody’s', async () => {
    const second = 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npoison!';
    await using server = await wire([OK + second, OK]);
    using session = openSession(egress, server.permit);
    const texts: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const reply = await session.get(server.url);
      texts.push(reply.ok ? Buffer.from(reply.bytes ?? []).toString() : 'refused');
    }
    expect(texts.join()).not.toContain('poison');
  });
});
