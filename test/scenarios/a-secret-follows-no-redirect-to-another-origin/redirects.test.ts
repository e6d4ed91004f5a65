// A redirect takes a secret nowhere: each hop is given what the rules say for that hop, and nothing for
// the one before. The naive client, for comparison, carries its field along.

import type { IncomingMessage, RequestListener } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fetchOnce, type Fetched, testEgress, type TestEgress } from '../../support/egress.ts';
import { loopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';
import { secretRules, testVault, type TestVault } from '../../support/vault.ts';

const FIRST = 'sk-first-4f9Qx7Lm2Zt8Rb1Vn';
const SECOND = 'sk-second-Kc3Wd9Pq5Xs2Jy7';

interface Arrival {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

let atFirst: Arrival[] = [];
let atSecond: Arrival[] = [];
let first: LoopbackServer;
let second: LoopbackServer;
let egress: TestEgress;
let kept: TestVault;
/** Where `/go` leads, with which status, given the secret that came. */
let lead: (field: string) => { status: number; location: string };

beforeAll(async () => {
  const answer =
    (note: (arrival: Arrival) => void): RequestListener =>
    (request, response) => {
      const { url = '', headers } = request;
      note({ url, headers });
      request.resume();
      if (!url.startsWith('/v1/go')) return void response.end('here');
      const { status, location } = lead(headers.authorization ?? '');
      response.writeHead(status, { location }).end();
    };
  first = await loopbackServer(answer((arrival) => atFirst.push(arrival)));
  second = await loopbackServer(answer((arrival) => atSecond.push(arrival)));
  kept = await testVault({ FIRST, SECOND });
  egress = await testEgress({ secrets: kept.vault });
});

afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
  kept[Symbol.dispose]();
});

beforeEach(() => {
  atFirst = [];
  atSecond = [];
});

const originOf = ({ port }: LoopbackServer): string => `http://127.0.0.1:${port}`;

function go(...rules: readonly string[]): Promise<Fetched> {
  return fetchOnce(
    egress,
    reachPermit({
      allowNet: [
        `GET,POST ${originOf(first)}/**`,
        `GET,POST ${originOf(second)}/**`,
        `GET http://localhost:${first.port}/**`,
        `GET http://127.0.0.0/8:${first.port}/**`,
      ].map(netRule),
      secrets: secretRules(...rules),
    }),
    { url: `${originOf(first)}/v1/go` },
  );
}

const ofFirst = (): string => `FIRST@GET,${originOf(first)}/v1/**:Authorization=Bearer {}`;
const carries = ({ headers }: Arrival): boolean =>
  /sk-(?:first|second)/.test(JSON.stringify(headers));

test.each([301, 302, 303, 307, 308])('%i to another origin', async (status) => {
  lead = () => ({ status, location: `${originOf(second)}/v1/land` });
  const { reply } = await go(ofFirst());
  expect(reply.ok).toBe(true);
  expect(atFirst[0]?.headers.authorization).toBe(`Bearer ${FIRST}`);
  expect(atSecond).toHaveLength(1);
  expect(atSecond.some(carries)).toBe(false);
});

test('control: a client that sends its fields along gives it to the second origin', async () => {
  lead = () => ({ status: 307, location: `${originOf(second)}/v1/land` });
  const headers = { authorization: `Bearer ${FIRST}` };
  const hop = await fetch(`${originOf(first)}/v1/go`, { headers, redirect: 'manual' });
  await fetch(hop.headers.get('location') ?? '', { headers });
  expect(atSecond.some(carries)).toBe(true);
});

test('each origin is given its own', async () => {
  lead = () => ({ status: 302, location: `${originOf(second)}/v1/land` });
  await go(ofFirst(), `SECOND@GET,${originOf(second)}/**:X-Key`);
  expect(atFirst[0]?.headers).not.toHaveProperty('x-key');
  expect(atSecond[0]?.headers).toHaveProperty('x-key', SECOND);
  expect(JSON.stringify(atSecond)).not.toContain(FIRST);
});

test('the same origin by another path: only where the rule’s path covers it', async () => {
  lead = () => ({ status: 302, location: '/v1/land' });
  await go(ofFirst());
  expect(atFirst.map(carries)).toEqual([true, true]);
  atFirst = [];
  lead = () => ({ status: 302, location: '/public/land' });
  await go(ofFirst());
  expect(atFirst.map(carries)).toEqual([true, false]);
});

test('the same port by another name or spelling of the host is another origin', async () => {
  for (const host of ['localhost', '127.0.0.2', '127.1', '2130706433', '[::ffff:127.0.0.1]']) {
    atFirst = [];
    lead = () => ({ status: 302, location: `http://${host}:${first.port}/v1/land` });
    await go(ofFirst());
    expect(atFirst[0] && carries(atFirst[0])).toBe(true);
    expect(atFirst.slice(1).some(carries)).toBe(false);
  }
});

test('back again: the first origin gets it anew, the one between never had it', async () => {
  let turn = 0;
  lead = () => {
    turn += 1;
    if (turn === 1) return { status: 302, location: `${originOf(second)}/v1/go` };
    return { status: 302, location: `${originOf(first)}/v1/land` };
  };
  await go(ofFirst());
  expect(atSecond.some(carries)).toBe(false);
  expect(atFirst.map(carries)).toEqual([true, true]);
});

test.each<[string, (secret: string) => string]>([
  ['in its query', (secret) => `/v1/land?k=${secret}`],
  ['in its path', (secret) => `/v1/${secret}`],
  [
    'escaped',
    (secret) =>
      `/v1/land?k=%${Buffer.from(secret)
        .toString('hex')
        .replace(/(..)(?=.)/g, '$1%')}`,
  ],
  ['in base64', (secret) => `/v1/land?k=${Buffer.from(secret).toString('base64url')}`],
])('a redirect that carries the secret itself %s is not followed', async (_, path) => {
  lead = (field) => ({
    status: 302,
    location: originOf(second) + path(field.slice('Bearer '.length)),
  });
  const { reply } = await go(ofFirst());
  expect(reply).toMatchObject({ ok: false, code: 'denied' });
  expect(atSecond).toEqual([]);
  expect(JSON.stringify(reply)).not.toContain(FIRST);
});
