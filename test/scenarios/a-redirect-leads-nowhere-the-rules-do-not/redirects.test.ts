// An allowed server sends the request on to places it could not have asked for itself.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import {
  type Fetched,
  fetchOnce,
  testEgress,
  type TestEgress,
  textOf,
} from '../../support/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';

let egress: TestEgress;
beforeAll(async () => {
  egress = await testEgress();
});
afterAll(() => egress[Symbol.asyncDispose]());

function fetchFrom(permit: Permit, url: string, method = 'GET'): Promise<Fetched> {
  const body = method === 'GET' ? new Uint8Array() : Buffer.from('payload');
  return fetchOnce(egress, permit, {
    method,
    url,
    headers: [['content-type', 'text/plain']],
    body,
  });
}

function permitFor(...ports: readonly number[]): Permit {
  return reachPermit({
    allowNet: ports.flatMap((port) => [
      netRule(`* http://first.example:${port}/**`),
      netRule(`* http://second.example:${port}/**`),
      netRule(`* http://127.0.0.1:${port}/**`),
    ]),
    denyNet: ports.map((port) => netRule(`* http://first.example:${port}/private/**`)),
  });
}

it('every hop is checked like the first request', async () => {
  await using forbidden = await loopbackServer((_, response) => response.end('forbidden'));
  let location = '';
  await using first = await loopbackServer((request, response) => {
    if (request.url !== '/start') {
      response.end('not to be read');
      return;
    }
    response.writeHead(302, { Location: location });
    response.end();
  });
  const there = `127.0.0.1:${forbidden.port}`;
  const naive = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${first.port}/start`);
    return answer.text();
  };
  location = `http://${there}/`;
  expect(await naive()).toBe('forbidden');
  const before = forbidden.connections();

  const locations = [
    `http://${there}/`,
    `//${there}/`,
    `http://first.example:${forbidden.port}/`,
    `http://localhost:${forbidden.port}/`,
    `http://[::1]:${forbidden.port}/`,
    `http://2130706433:${forbidden.port}/`,
    `http://first.example:${first.port}@${there}/`,
    `\\\\${there}\\`,
    `https://first.example:${first.port}/`,
    `http://other.example:${first.port}/`,
    '/private/x',
    '/%70rivate/x',
    '/a/..%2fprivate/x',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'data:text/plain,x',
    'http://',
  ];
  for (location of locations) {
    const { reply, effect, hops } = await fetchFrom(
      permitFor(first.port),
      `http://first.example:${first.port}/start`,
    );
    expect(reply.ok, location).toBe(false);
    expect(effect.state, location).toBe('refused');
    expect(hops.map(({ state }) => state)).toEqual(['answered']);
  }
  expect(forbidden.connections()).toBe(before);
});

it('a chain is followed for five hops, each on the receipt, and no further', async () => {
  await using server = await loopbackServer((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) {
      response.end('there');
      return;
    }
    response.writeHead(307, { Location: `/${left - 1}` });
    response.end();
  });
  const at = (count: number): string => `http://first.example:${server.port}/${count}`;
  const five = await fetchFrom(permitFor(server.port), at(5));
  expect(textOf(five.reply)).toBe('there');
  expect(five.hops).toHaveLength(5);
  expect(five.effect.target).toBe(`GET ${at(0)}`);
  const six = await fetchFrom(permitFor(server.port), at(6));
  expect(six.reply).toMatchObject({ ok: false, code: 'failed' });
});

it('the method a hop would use is the one that is checked', async () => {
  const seen: string[] = [];
  await using server = await loopbackServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const status = Number(request.url?.slice(1));
    if (Number.isNaN(status)) {
      response.end();
      return;
    }
    response.writeHead(status, { Location: '/done' });
    response.end();
  });
  const permit = reachPermit({
    allowNet: [
      netRule(`POST http://first.example:${server.port}/*`),
      netRule(`POST http://127.0.0.1:${server.port}/*`),
    ],
  });
  const from = (status: number) =>
    fetchFrom(permit, `http://first.example:${server.port}/${status}`, 'POST');
  expect((await from(307)).reply.ok).toBe(true);
  expect((await from(303)).reply).toMatchObject({ ok: false, code: 'denied' });
  expect(seen).toEqual(['POST /307', 'POST /done', 'POST /303']);
});
