// A plug-in whose requests are refused, or fail, works as before: in the same call and in the next.
// The SDK's worker mode was dead for good after one of either.

import { expect, it } from 'vitest';
import type { EgressSession } from '../../../src/reach/egress/egress.ts';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import { testEgress } from '../../support/egress.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { netRule } from '../../support/reach-permit.ts';
import { createTestSandbox, defaultLimits, fixture } from '../../support/sandbox.ts';

it('requests that are denied or fail leave the plug-in as it was', async () => {
  let requests = 0;
  await using server = await loopbackServer((_, response) => {
    requests += 1;
    response.end('fine');
  });
  await using egress = await testEgress();
  const sessions = new Map<Permit, EgressSession>();
  const box = await createTestSandbox({
    serve: (permit, asked, signal) => {
      if (asked.op !== 'http') throw new TypeError('only HTTP here');
      const session = sessions.get(permit) ?? egress.open(permit, () => undefined);
      sessions.set(permit, session);
      return session.fetch(asked, signal);
    },
  });
  try {
    const good = `http://127.0.0.1:${server.port}/`;
    const refused = 'http://127.0.0.1:1/';
    const get = async (url: string, count = 1): Promise<string> => {
      const outcome = await box.call(
        fixture('http-many'),
        'http-many',
        {},
        {
          terms: {
            allowNet: [netRule(`GET ${good}**`), netRule(`GET ${refused}**`)],
            config: { url, count: 'x'.repeat(count) },
            limits: { ...defaultLimits, requests: 1000 },
            unsafeNoJail: true,
          },
        },
      );
      for (const session of sessions.values()) session.close();
      sessions.clear();
      return outcome.kind === 'answered' ? JSON.stringify(outcome.answer) : outcome.kind;
    };
    expect(await get(good)).toContain('200');
    for (let round = 0; round < 5; round += 1) {
      expect(await get('http://denied.example/', 100)).toContain('403');
      expect(await get(refused, 100)).toContain('502');
      expect(await get(good)).toContain('200');
    }
    expect(box.sandbox.stats.started).toBeLessThanOrEqual(4);
    expect(requests).toBe(6);
  } finally {
    await box.sandbox.close();
  }
});
