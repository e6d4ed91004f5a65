// A hostile name server answers differently each time, or hides one forbidden address among good ones.

import { expect, it } from 'vitest';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import { checkAddresses, addressesOf } from '../../../src/reach/egress/broker/addresses.ts';
import { compileRules } from '../../../src/reach/egress/rules.ts';
import { parseTarget } from '../../../src/reach/egress/target.ts';
import { fetchOnce, openSession, testEgress, textOf } from '../../support/egress.ts';
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

const url = (port: number): string => `http://rebind.example:${port}/`;

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
  const zone = (_name: string, family: 4 | 6): readonly string[] => {
    if (family === 6) return [];
    lookups += 1;
    return [lookups === 1 ? ALLOWED : FORBIDDEN];
  };
  await using egress = await testEgress({ zone });
  const before = forbidden.connections();
  {
    using session = openSession(egress, permitFor(forbidden.port));
    // Also its second request, over the same connection or a new one, goes where the first did.
    for (let count = 0; count < 3; count += 1) {
      expect(textOf(await session.get(url(forbidden.port)))).toBe('allowed');
    }
  }
  expect(lookups).toBe(1);
  // The next call looks it up anew, and is refused.
  const { reply } = await fetchOnce(egress, permitFor(forbidden.port), {
    url: url(forbidden.port),
  });
  expect(reply).toMatchObject({ ok: false, code: 'denied' });
  expect(forbidden.connections()).toBe(before);
});

it('one forbidden address among the answers refuses the name', async () => {
  const { allowed, forbidden } = await twoListeners();
  await using _allowed = allowed;
  await using _forbidden = forbidden;
  let list: readonly string[] = [];
  await using egress = await testEgress({ zone: () => list });
  const lists = [
    [ALLOWED, FORBIDDEN],
    [FORBIDDEN, ALLOWED],
    [ALLOWED, '::1'],
    [ALLOWED, '::ffff:127.0.0.1'],
    [ALLOWED, '::7f00:1'],
    [ALLOWED, '64:ff9b::7f00:1'],
    [ALLOWED, '2002:7f00:1::'],
    [ALLOWED, '10.0.0.1'],
    [ALLOWED, '168.63.129.16'],
    [ALLOWED, '169.254.169.254'],
  ];
  for (list of lists) {
    const asked = { url: url(forbidden.port) };
    const { reply, effect } = await fetchOnce(egress, permitFor(forbidden.port), asked);
    expect(reply, list.join()).toMatchObject({ ok: false, code: 'denied' });
    expect(effect.state).toBe('refused');
  }
  expect(forbidden.connections()).toBe(0);
});

it.each(['fe80::1%eth0', 'not an address', '0x7f.1'])(
  'an answer that cannot be read as an address, %s, refuses the name',
  async (text) => {
    const target = parseTarget('http://rebind.example/');
    const rules = compileRules([netRule('GET http://rebind.example/**')], []);
    const found = addressesOf(target, async () => ['93.184.216.34', text]);
    await expect(found).rejects.toMatchObject({ code: 'denied' });
    const good = await addressesOf(target, async () => ['93.184.216.34']);
    expect(() => checkAddresses(good, 'GET', target, rules)).not.toThrow();
  },
);

it('names outside of the rules are not even looked up', async () => {
  await using egress = await testEgress({ zone: () => [ALLOWED] });
  const { reply } = await fetchOnce(egress, reachPermit(), { url: url(80) });
  expect(reply).toMatchObject({ ok: false, code: 'denied' });
  expect(egress.lookups()).toBe(0);
});
