// The daemon before a broker that was taken over: what it says is checked, and ends it when it is none.

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createEgress } from '../../../src/reach/egress/egress.ts';
import { openSession } from '../../support/egress.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';

const brokerPath = join(import.meta.dirname, '../../fixtures/brokers/rogue-egress.mjs');
const permit = reachPermit({ allowNet: [netRule('GET http://api.example/**')] });

/** What a guest is told when its broker answers so. */
async function told(says: object) {
  const egress = createEgress({ brokerPath, totalMs: 1000 });
  try {
    using session = openSession(egress, permit);
    const path = Buffer.from(JSON.stringify(says)).toString('base64url');
    const reply = await session.get(`http://api.example/${path}`);
    return { reply, states: session.effects.map(({ state }) => state) };
  } finally {
    await egress.close();
  }
}

const good = { state: 'answered', status: 200, headers: [['x-a', 'b']], used: 3 };

it('the control: an answer as it should be', async () => {
  expect(await told({ answer: good })).toMatchObject({
    reply: { ok: true, value: { status: 200, headers: [['x-a', 'b']] } },
    states: ['answered'],
  });
});

it.each([
  { answer: { ...good, status: '200' } },
  { answer: { ...good, status: 99 } },
  { answer: { ...good, status: 1e9 } },
  { answer: { ...good, headers: 'x' } },
  { answer: { ...good, headers: [['x']] } },
  { answer: { ...good, headers: [['x', 1]] } },
  { answer: { ...good, used: -1 } },
  { answer: { ...good, used: 1e300 } },
  { answer: { ...good, state: 'done' } },
  { answer: { ...good, masked: null } },
  { answer: { refused: { code: 'ok', message: 'x' } } },
  { answer: { refused: { code: 'denied' } } },
  { answer: [good] },
  { answer: null },
  { answer: good, kind: 2 },
  { answer: good, kind: 99 },
  { answer: good, to: 77 },
])('%j ends it, and the request counts as sent', async (says) => {
  expect(await told(says)).toMatchObject({
    reply: { ok: false, code: 'failed', message: 'the process that speaks to the network ended' },
    states: ['sent'],
  });
});

it('a redirect it makes up leads nowhere the rules do not', async () => {
  for (const location of ['http://other.example/', 'http://127.0.0.1/', 'file:///etc/passwd']) {
    const { reply, states } = await told({ answer: { ...good, status: 302, location } });
    expect(reply.ok).toBe(false);
    expect(states).toEqual(['answered', 'refused']);
  }
});
