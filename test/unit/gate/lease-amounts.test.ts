import { expect, test } from 'vitest';
import { openGate } from '../../fakes/gate.ts';
import { mostOfLease, settleLease } from '../../../src/gate/lease-amounts.ts';
import type { PermitTerms } from '../../../src/decide/policy/permit.ts';
import type { LeaseAmounts } from '../../../src/trust/lease/lease-account.ts';
import type { CheckedLease } from '../../../src/trust/lease/lease.ts';
import type { LeaseBook } from '../../../src/trust/lease/lease-book.ts';

const terms = {
  callId: 'call_1',
  limits: { outputBytes: 100, netBytes: 1000, writeBytes: 10_000 },
  allowNet: [],
  write: [],
} as unknown as PermitTerms;

test('a call holds the most it may move, and only where it may move anything', () => {
  expect(mostOfLease(terms)).toEqual({ bytes: 100 });
  const wide = { ...terms, allowNet: [{}], write: [{}], cost: { currency: 'EUR', amount: 3 } };
  expect(mostOfLease(wide as unknown as PermitTerms)).toEqual({ bytes: 11_100, spend: { EUR: 3 } });
});

test('what it really moved takes its place; an end nobody knows counts in full', () => {
  const settled: LeaseAmounts[] = [];
  const leases = {
    settle: (_tx: unknown, _lease: unknown, _call: string, used: LeaseAmounts) =>
      settled.push(used),
  } as unknown as LeaseBook;
  const settle = (outcome: 'done' | 'unknown', outputBytes: number): void =>
    settleLease({} as never, { leases }, {} as CheckedLease, terms, {
      outcome,
      outputBytes,
      effects: [
        { kind: 'http', state: 'answered', count: 1, target: 'x', bytes: 7 },
        { kind: 'http', state: 'not-sent', count: 1, target: 'y', bytes: 50 },
        { kind: 'file-write', state: 'answered', count: 1, target: '/z', bytes: 5 },
      ],
    });
  settle('done', 20);
  settle('done', Number.NaN);
  settle('unknown', 20);
  expect(settled).toEqual([{ bytes: 32 }, { bytes: 112 }, { bytes: 100 }]);
});

test('money spent through the gate is counted once for the lease, not once a call', async () => {
  const prices = [{ tool: 'text_echo', currency: 'EUR', pointer: '/count' }];
  const gate = await openGate({ grant: { prices } });
  const agent = gate.connect({
    capabilities: [
      { type: 'tool.call', tools: ['*'] },
      { type: 'spend', currency: 'EUR', amount: 10 },
    ],
  });
  expect((await agent.call({ count: 6 })).kind).toBe('answered');
  expect(await agent.call({ count: 6 })).toMatchObject({ error: { code: 'lease-refused' } });
  expect((await agent.call({ count: 4 })).kind).toBe('answered');
});
