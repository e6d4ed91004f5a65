// Servers that take their time on purpose: each phase has its own end, and the end stops the request
// on the wire.

import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { brokerPid, fetchOnce, openSession, testEgress, textOf } from '../../support/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { isAlive } from '../../support/processes.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';

/** A server that speaks bytes as it likes. `closed` resolves when its first connection is gone. */
async function rawServer(speak: (socket: Socket) => void) {
  let gone: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', gone);
    socket.resume();
    speak(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    closed,
    permit: reachPermit({
      allowNet: [
        netRule(`GET http://127.0.0.1:${port}/**`),
        netRule(`GET https://127.0.0.1:${port}/**`),
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

function drip(text: string, everyMs: number) {
  return (socket: Socket): void => {
    let at = 0;
    const timer = setInterval(() => {
      if (socket.destroyed) clearInterval(timer);
      else socket.write(text[at] ?? 'x');
      at += 1;
    }, everyMs);
  };
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n';

it.each([
  ['never shakes hands', 'https', () => undefined, 'not-sent', 'no connection'],
  ['says nothing', 'http', () => undefined, 'sent', 'no answer'],
  ['sends its head byte by byte', 'http', drip(HEAD, 30), 'sent', 'no answer'],
  [
    'sends one field after the other',
    'http',
    (socket: Socket): void => {
      socket.write('HTTP/1.1 200 OK\r\n');
      drip('x: y\r\n'.repeat(1000), 1)(socket);
    },
    'sent',
    'no answer',
  ],
  [
    'has only interim answers',
    'http',
    (socket: Socket): void => {
      const timer = setInterval(() => {
        if (socket.destroyed) clearInterval(timer);
        else socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      }, 30);
    },
    'sent',
    'no answer',
  ],
  [
    'sends its body byte by byte',
    'http',
    (socket: Socket): void => {
      socket.write(`${HEAD}\r\n`);
      drip('', 30)(socket);
    },
    'answered',
    'longer than',
  ],
] as const)('a server that %s', async (_, scheme, speak, state, message) => {
  await using server = await rawServer(speak);
  await using egress = await testEgress({ connectMs: 300, headersMs: 400, totalMs: 900 });
  const url = `${scheme}://127.0.0.1:${server.port}/`;
  const { reply, effect } = await fetchOnce(egress, server.permit, { url });
  expect(reply).toMatchObject({ ok: false, code: 'limit' });
  expect(reply.ok ? '' : reply.message).toContain(message);
  expect(effect.state).toBe(state);
  await server.closed;
});

it('the end of a call stops what it had under way, at once', async () => {
  const connected = Promise.withResolvers<void>();
  await using server = await rawServer((socket) => {
    drip(HEAD, 10)(socket);
    connected.resolve();
  });
  await using egress = await testEgress();
  using session = openSession(egress, server.permit);
  const ended = new AbortController();
  const url = `http://127.0.0.1:${server.port}/`;
  const asked = { method: 'GET', url, headers: [], body: new Uint8Array() };
  const reply = session.fetch(asked, ended.signal);
  await connected.promise;
  setTimeout(() => ended.abort(), 200);
  expect(await reply).toMatchObject({ ok: false, code: 'failed' });
  const pid = brokerPid();
  await server.closed;
  // The request ended, not the process that sent it.
  expect(isAlive(pid)).toBe(true);
  expect(session.effects).toMatchObject([{ state: 'sent' }]);
});

it('refused and unreachable requests cost the ones after them nothing', async () => {
  await using server = await loopbackServer((_, response) => response.end('fine'));
  let dead = 0;
  {
    await using gone = await loopbackServer(() => undefined);
    dead = gone.port;
  }
  const permit = reachPermit({
    allowNet: [server.port, dead].map((port) => netRule(`GET http://127.0.0.1:${port}/**`)),
    limits: { ...reachPermit().terms.limits, requests: 100_000 },
  });
  await using egress = await testEgress();
  using session = openSession(egress, permit);
  const good = async (): Promise<number> => {
    const times: number[] = [];
    for (let count = 0; count < 100; count += 1) {
      const start = performance.now();
      expect(textOf(await session.get(`http://127.0.0.1:${server.port}/`))).toBe('fine');
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[50] ?? 0;
  };
  await good();
  const before = await good();
  for (let count = 0; count < 500; count += 1) {
    const denied = await session.get('http://denied.example/');
    expect(denied).toMatchObject({ ok: false, code: 'denied' });
    const refused = await session.get(`http://127.0.0.1:${dead}/`);
    expect(refused).toMatchObject({ ok: false, code: 'failed' });
  }
  // The SDK's worker grew from 160 to 1,486 us, and ended.
  expect(await good()).toBeLessThan(before * 5 + 2);
  expect(server.connections()).toBe(1);
});
