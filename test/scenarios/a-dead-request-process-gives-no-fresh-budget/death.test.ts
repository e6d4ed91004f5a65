// Whoever can crash the process that sends requests gains nothing: what was under way counts as sent,
// what it held of the budget is spent, and only the next call begins anew.

import { expect, it } from 'vitest';
import { brokerPid, openSession, testEgress, textOf } from '../../support/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { isAlive } from '../../support/processes.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';

const never = new AbortController().signal;

function permitFor(port: number, requests = 5) {
  return reachPermit({
    allowNet: [netRule(`* http://127.0.0.1:${port}/**`)],
    limits: { ...callLimits(1 << 20), requests },
  });
}

/** A server that answers all but `/hang`, and kills the broker when it is asked that. */
function killer() {
  return loopbackServer((request, response) => {
    if (request.url === '/hang') process.kill(brokerPid(), 'SIGKILL');
    else response.end('fine');
  });
}

it('a request under way is `sent`, its budget is gone, and the next call works', async () => {
  await using server = await killer();
  await using egress = await testEgress();
  const url = `http://127.0.0.1:${server.port}`;
  {
    using session = openSession(egress, permitFor(server.port));
    expect(textOf(await session.get(`${url}/`))).toBe('fine');
    const first = brokerPid();
    expect(await session.get(`${url}/hang`)).toMatchObject({ ok: false, code: 'failed' });
    expect(isAlive(first)).toBe(false);
    expect(session.effects.map(({ state }) => state)).toEqual(['answered', 'sent']);
    expect(await session.get(`${url}/`)).toMatchObject({ ok: false, code: 'limit' });
  }
  using next = openSession(egress, permitFor(server.port));
  expect(textOf(await next.get(`${url}/`))).toBe('fine');
});

it('a streamed request is `sent` as well, and its exchange is gone', async () => {
  await using server = await killer();
  await using egress = await testEgress();
  using session = openSession(egress, permitFor(server.port));
  const url = `http://127.0.0.1:${server.port}/hang`;
  const opened = await session.stream({ op: 'http-open', method: 'POST', url, headers: [] }, never);
  if (!opened.ok || !('exchange' in opened.value)) throw new Error('not opened');
  const { exchange } = opened.value;
  await session.stream({ op: 'http-write', exchange, data: Buffer.from('x') }, never);
  const reply = await session.stream({ op: 'http-finish', exchange }, never);
  expect(reply).toMatchObject({ ok: false, code: 'failed' });
  expect(session.effects.map(({ state }) => state)).toEqual(['sent']);
});

it('the number of requests is counted by the daemon, redirects and dead brokers included', async () => {
  await using server = await loopbackServer((request, response) => {
    if (request.url === '/hang') {
      process.kill(brokerPid(), 'SIGKILL');
      return;
    }
    const left = Number(request.url?.slice(1));
    if (left > 0) response.writeHead(302, { Location: `/${left - 1}` });
    response.end('there');
  });
  await using egress = await testEgress();
  const url = `http://127.0.0.1:${server.port}`;
  const used = {
    ok: false,
    code: 'limit',
    message: expect.stringContaining('5 requests') as unknown,
  };
  {
    using session = openSession(egress, permitFor(server.port, 5));
    expect(textOf(await session.get(`${url}/3`))).toBe('there');
    expect(textOf(await session.get(`${url}/0`))).toBe('there');
    expect(await session.get(`${url}/0`)).toMatchObject(used);
    expect(session.effects.at(-1)?.state).toBe('not-sent');
  }
  // Bytes left over, so that only the count can say no.
  const permit = reachPermit({
    ...permitFor(server.port, 5).terms,
    limits: { ...callLimits(1 << 30), requests: 5 },
  });
  using session = openSession(egress, permit);
  await session.get(`${url}/2`);
  await session.get(`${url}/hang`);
  expect(textOf(await session.get(`${url}/0`))).toBe('there');
  expect(await session.get(`${url}/0`)).toMatchObject(used);
});
