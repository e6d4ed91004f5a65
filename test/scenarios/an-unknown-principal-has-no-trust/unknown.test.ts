// A rule demands trust. Whoever nobody vouches for, whose entry has ended, or about whom the source
// cannot tell, does not get through: not by another tenant's entry, not by a source that answers nonsense.

import { expect, test } from 'vitest';
import type { Trust } from '../../../src/decide/policy/circumstances.ts';
import { parseTrustEntry } from '../../../src/decide/trust/trust-entry.ts';
import type { TrustSource } from '../../../src/decide/trust/trust-source.ts';
import { vouch } from '../../../src/gate/vouch.ts';
import { type FakeGate, openGate } from '../../fakes/gate.ts';
import { filesOf, NOW, PERMIT_ALL } from '../../support/decision.ts';

const RULES = filesOf(
  PERMIT_ALL,
  `@id("trusted-only") forbid (principal, action in Action::"call", resource)
   unless { context.trust.level >= 50 && context.trust.capabilities.contains("payments") };`,
);

async function outcome(gate: FakeGate): Promise<string> {
  const answer = await gate.connect({ principal: 'alice' }).call({ text: 'x' });
  return answer.kind === 'answered' ? 'ran' : answer.error.code;
}

const set = (gate: FakeGate, tenant: string, entry: object): Promise<void> =>
  vouch(
    gate.administration,
    tenant,
    parseTrustEntry({ principal: 'alice', level: 80, capabilities: ['payments'], ...entry }, NOW),
  );

test('nobody vouches, or somebody else is vouched for', async () => {
  const gate = await openGate({ policy: RULES });
  expect(await outcome(gate)).toBe('policy-denied');
  await set(gate, 'other', {});
  await set(gate, 'default', { principal: 'alic' });
  await set(gate, 'default', { principal: 'alice/' });
  expect(await outcome(gate)).toBe('policy-denied');
  expect(gate.runner.ran).toHaveLength(0);
});

test('less than is asked for is not enough', async () => {
  const gate = await openGate({ policy: RULES });
  await set(gate, 'default', { level: 49 });
  expect(await outcome(gate)).toBe('policy-denied');
  await set(gate, 'default', { capabilities: ['reading'] });
  expect(await outcome(gate)).toBe('policy-denied');
  await set(gate, 'default', {});
  expect(await outcome(gate)).toBe('ran');
});

test('an entry counts until its end, and not in that very millisecond', async () => {
  const gate = await openGate({ policy: RULES });
  const end = gate.parts.now() + 10_000;
  await set(gate, 'default', { expiresAt: end });
  expect(await outcome(gate)).toBe('ran');
  gate.clock.advance(end - gate.parts.now());
  expect(await outcome(gate)).toBe('policy-denied');
});

test.each<[string, TrustSource['of']]>([
  [
    'fails',
    () => {
      throw new Error('no answer');
    },
  ],
  ['says more than all', () => ({ level: 1000, capabilities: ['payments'] })],
  ['says no number', () => ({ level: Number.NaN, capabilities: ['payments'] })],
  ['says a text', () => ({ level: 'high', capabilities: 'payments' }) as unknown as Trust],
])('a source that %s gets nobody through', async (_, of) => {
  const gate = await openGate({ policy: RULES, trust: { of } });
  expect(await outcome(gate)).toBe('unavailable');
  expect(gate.runner.ran).toHaveLength(0);
  expect(gate.receipts().map((receipt) => receipt.outcome)).toEqual(['refused']);
});
