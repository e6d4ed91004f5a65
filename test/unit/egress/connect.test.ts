// What happens when a connection arrives elsewhere than it was sent: a proxy in the way, a firewall
// rule, a fault of the library.

import { expect, it, vi } from 'vitest';
import { createEgress, createNetBudget } from '../../../src/reach/egress/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';

vi.mock(import('undici'), async (original) => {
  const undici = await original();
  const diverted: typeof undici.buildConnector = (options) => {
    const connect = undici.buildConnector(options);
    return (to, callback) => connect({ ...to, hostname: '127.0.0.1' }, callback);
  };
  return { ...undici, buildConnector: diverted };
});

it('nothing is sent over a connection that arrived at another address', async () => {
  let requests = 0;
  await using server = await loopbackServer((_, response) => {
    requests += 1;
    response.end();
  });
  const fetchFrom = (address: string) => {
    const permit = reachPermit({ allowNet: [netRule(`GET http://${address}:${server.port}/**`)] });
    return createEgress().fetch(
      permit,
      {
        method: 'GET',
        url: `http://${address}:${server.port}/`,
        headers: [],
        body: new Uint8Array(),
      },
      new AbortController().signal,
      createNetBudget(permit),
    );
  };
  const { reply, effect } = await fetchFrom('127.0.0.9');
  expect(reply).toMatchObject({ ok: false, code: 'denied' });
  expect(effect.state).toBe('refused');
  expect(requests).toBe(0);
  expect((await fetchFrom('127.0.0.1')).reply.ok).toBe(true);
  expect(requests).toBe(1);
});
