// A hostile name server answers differently each time, or hides one forbidden address among good ones.

import { expect, it } from 'vitest';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import { createEgress, createNetBudget, type Resolve } from '../../../src/reach/egress/egress.ts';
import { loopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';

/** Stands for the open internet: loopback as well, but given by a rule. */
const ALLOWED = '127.0.0.9';
const FORBIDDEN = '127.0.0.1';

async function twoListeners(): Promise<{ allowed: LoopbackServer; forbidden: LoopbackServer }> {
  const forbidden = await loopbackServer((_, response) => response.end('forbidden'));
  const at = { host: ALLOWED, port: forbidden.port };
  const allowed = await loopbackServer((_, response) => response.end('allowed'), at);
  return { allowed, forbidden };
}

function get(permit: Permit, port: number, resolve: Resolve) {
  return createEgress({ resolve, connectMs: 500 }).fetch(
    permit,
    { method: 'GET', url: `http://rebind.example:${port}/`, headers: [], body: new Uint8Array() },
    new AbortController().signal,
    createNetBudget(permit),
  );
}

function permitFor(port: number): Permit {
  return reachPermit({
    allowNet: [
      netRule(`GET http://rebind.example:${port}/**`),
      netRule(`GET http://${ALLOWED}:${port}/**`),
    ],
  });
}

it('the naive form, which checks one look-up and connects by another, reaches the forbidden listener', async () => {
  const { allowed, forbidden } = await twoListeners();
  await using _allowed = allowed;
  await using _forbidden = forbidden;
  const answers = [ALLOWED, FORBIDDEN];
  const resolve = async (): Promise<string> => answers.shift() ?? FORBIDDEN;
  expect(await resolve()).toBe(ALLOWED);
  const naive = await fetch(`http://${await resolve()}:${forbidden.port}/`);
  expect(await naive.text()).toBe('forbidden');
});

it('a name that changes its address is dialled at the address that was checked', async () => {
  const { allowed, forbidden } = await twoListeners();
  await using _allowed = allowed;
  await using _forbidden = forbidden;
  let lookups = 0;
  const resolve = async (): Promise<readonly string[]> => {
    lookups += 1;
    return [lookups === 1 ? ALLOWED : FORBIDDEN];
  };
  const before = forbidden.connections();
  const { reply } = await get(permitFor(forbidden.port), forbidden.port, resolve);
  if (!reply.ok) throw new Error(reply.message);
  expect(Buffer.from(reply.bytes).toString()).toBe('allowed');
  expect(lookups).toBe(1);
  expect(forbidden.connections()).toBe(before);
});

it('one forbidden address among the answers refuses the name', async () => {
  const { allowed, forbidden } = await twoListeners();
  await using _allowed = allowed;
  await using _forbidden = forbidden;
  const lists = [
    [ALLOWED, FORBIDDEN],
    [FORBIDDEN, ALLOWED],
    [ALLOWED, '::1'],
    [ALLOWED, '10.0.0.1'],
    [ALLOWED, '169.254.169.254'],
    [ALLOWED, 'fe80::1%eth0'],
    [ALLOWED, 'not an address'],
  ];
  for (const list of lists) {
    const { reply, effect } = await get(
      permitFor(forbidden.port),
      forbidden.port,
      async () => list,
    );
    expect(reply, list.join()).toMatchObject({ ok: false, code: 'denied' });
    expect(effect.state).toBe('refused');
  }
  expect(forbidden.connections()).toBe(0);
});

it('names outside of the rules are not even looked up', async () => {
  let lookups = 0;
  const resolve = async (): Promise<readonly string[]> => {
    lookups += 1;
    return [ALLOWED];
  };
  const { reply } = await get(reachPermit(), 80, resolve);
  expect(reply).toMatchObject({ ok: false, code: 'denied' });
  expect(lookups).toBe(0);
});
