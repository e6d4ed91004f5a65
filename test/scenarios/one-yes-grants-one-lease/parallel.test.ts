// Twelve approvals of one request at the same moment, with a denial and a release among them: one end, one lease.

import { expect, test } from 'vitest';
import { ASKING, leaseLeaves, openDesk } from '../../support/lease-desk.ts';

test('twelve at once grant one lease', async () => {
  const { gate, alice } = await openDesk();
  const { id } = await gate.desk.request(alice.caller, ASKING);
  const { decisions } = gate.desk;
  const { digest: seen } = decisions.show('default', id);
  const done = await Promise.allSettled(
    Array.from({ length: 12 }, (_, at) =>
      decisions.approve('default', id, { seen, by: `operator-${at}` }),
    ),
  );
  expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(gate.parts.leases.list('default', gate.clock.wall())).toHaveLength(1);
  expect(leaseLeaves(gate).map(([outcome]) => outcome)).toEqual([
    'requested',
    'approved',
    'issued',
  ]);
});

test('a yes, a no and a release at once come to one of them', async () => {
  const { gate, alice } = await openDesk();
  const { id } = await gate.desk.request(alice.caller, ASKING);
  const { decisions } = gate.desk;
  const { digest: seen } = decisions.show('default', id);
  const done = await Promise.allSettled([
    decisions.deny('default', id, { seen, by: 'operator', reason: 'no' }),
    decisions.approve('default', id, { seen, by: 'olga' }),
    gate.desk.release(alice.caller, id),
  ]);
  expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(decisions.show('default', id).state).toBe('denied');
  expect(gate.parts.leases.list('default', gate.clock.wall())).toEqual([]);
});

test('a lease that was given back is not granted again by an old yes', async () => {
  const { gate, alice } = await openDesk();
  const { id } = await gate.desk.request(alice.caller, ASKING);
  const { decisions } = gate.desk;
  const { digest: seen } = decisions.show('default', id);
  await decisions.approve('default', id, { seen, by: 'operator' });
  await gate.desk.release(alice.caller, id);
  const again = decisions.approve('default', id, { seen, by: 'olga' });
  await expect(again).rejects.toMatchObject({ code: 'conflict' });
  expect(alice.hand.covers('text_write')).toBe(false);
});
