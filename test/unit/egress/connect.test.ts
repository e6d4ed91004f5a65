// What happens when a connection arrives elsewhere than it was sent: a proxy in the way, a firewall
// rule, a fault of the library.

import { expect, it, vi } from 'vitest';
import { Abandon } from '../../../src/reach/egress/broker/abandon.ts';
import { BrokerCall } from '../../../src/reach/egress/broker/call.ts';
import { compileRules } from '../../../src/reach/egress/rules.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { netRule } from '../../support/reach-permit.ts';

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
  const fetchFrom = async (address: string) => {
    const origin = `http://${address}:${server.port}`;
    const rules = compileRules([netRule(`GET ${origin}/**`)], []);
    const settings = { connectMs: 5000, headersMs: 5000 };
    const call = new BrokerCall(settings, rules, async () => []);
    const hop = { method: 'GET', url: `${origin}/`, headers: [], limit: 1000, timeoutMs: 5000 };
    const { answer } = await call.fetch(hop, new Uint8Array(), new Abandon());
    call.close();
    return answer;
  };
  expect(await fetchFrom('127.0.0.9')).toMatchObject({
    refused: { code: 'denied' },
    state: 'refused',
  });
  expect(requests).toBe(0);
  expect(await fetchFrom('127.0.0.1')).toMatchObject({ status: 200, state: 'answered' });
  expect(requests).toBe(1);
});
