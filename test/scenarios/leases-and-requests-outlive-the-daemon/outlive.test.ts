// The daemon ends without a word and another is started over the same store: who waited still waits, and
// who had a lease has it.

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { LeaseDesk } from '../../../src/gate/leases/lease-desk.ts';
import { openLeaseBook } from '../../../src/trust/lease/lease-book.ts';
import { connectionLease } from '../../../src/trust/lease/connection-lease.ts';
import { RequestBook } from '../../../src/trust/lease/request-book.ts';
import type { Caller } from '../../../src/gate/door.ts';
import type { FakeGate } from '../../fakes/gate.ts';
import { ASKING, CEILING, FREE, openDesk, publicKey } from '../../support/lease-desk.ts';

/** What a daemon has after a start: the store, and nothing that was in memory. */
function restarted(gate: FakeGate): { readonly desk: LeaseDesk; readonly alice: Caller } {
  const leases = openLeaseBook(gate.store);
  const office = { ...gate.office, book: leases };
  const desk = new LeaseDesk({
    gate: { ...gate.parts, leases },
    office,
    requests: new RequestBook(gate.store, leases, (length) => randomBytes(length)),
    reception: gate.reception,
    ceiling: () => CEILING,
    note: () => {},
  });
  const terms = {
    agent: 'default',
    connection: 'after-the-restart',
    principal: 'alice',
    tenant: 'default',
    ...CEILING.free,
  };
  const hand = desk.hand(terms, connectionLease(office, terms));
  const caller: Caller = {
    tenant: 'default',
    principal: 'alice',
    agent: 'default',
    operator: false,
    lease: (now, call) => hand.current(now, call),
    covers: (tool) => hand.covers(tool),
    hand,
  };
  return { desk, alice: caller };
}

test('a lease bound to a key is handed out as it was signed', async () => {
  const { gate, alice } = await openDesk();
  const { id } = await gate.desk.request(alice.caller, { ...FREE, holder_key: publicKey() });
  const text = await gate.desk.token(alice.caller, id);
  const after = restarted(gate);
  expect(await after.desk.poll(after.alice, id)).toMatchObject({ state: 'active' });
  expect(await after.desk.token(after.alice, id)).toBe(text);
});

test('a request that waited is decided and granted', async () => {
  const { gate, alice } = await openDesk();
  const { id } = await gate.desk.request(alice.caller, { ...ASKING, holder_key: publicKey() });
  const { desk, alice: back } = restarted(gate);
  expect(await desk.poll(back, id)).toMatchObject({ state: 'pending' });
  const [{ digest: seen } = { digest: '' }] = desk.decisions.list('default');
  await desk.decisions.approve('default', id, { seen, by: 'operator' });
  expect(await desk.token(back, id)).toContain('.');
});

test('a revoked lease stays revoked', async () => {
  const { gate, alice } = await openDesk();
  const { id } = await gate.desk.request(alice.caller, { ...FREE, holder_key: publicKey() });
  const { lease = '' } = gate.desk.decisions.show('default', id);
  await gate.administration.revokeLease('default', lease, 'enough');
  const { desk, alice: back } = restarted(gate);
  await expect(desk.token(back, id)).rejects.toMatchObject({ code: 'lease-refused' });
});

test('what was bound to a connection of before is nobody’s', async () => {
  const { gate, alice } = await openDesk();
  const granted = await gate.desk.request(alice.caller, FREE);
  const waits = await gate.desk.request(alice.caller, ASKING);
  const { desk, alice: back } = restarted(gate);
  for (const { id } of [granted, waits]) {
    await expect(desk.poll(back, id)).rejects.toMatchObject({ code: 'not-found' });
  }
  const { digest: seen } = desk.decisions.show('default', waits.id);
  const yes = desk.decisions.approve('default', waits.id, { seen, by: 'operator' });
  await expect(yes).rejects.toMatchObject({ code: 'conflict' });
});

test('a lease whose signature was never made is signed for nobody from what the store says', async () => {
  const { gate, alice } = await openDesk();
  Object.defineProperty(gate.office.signer, 'sign', {
    value: () => Promise.reject(new Error('the device is gone')),
    configurable: true,
  });
  const { id } = await gate.desk.request(alice.caller, { ...FREE, holder_key: publicKey() });
  delete (gate.office.signer as { sign?: unknown }).sign;
  const { desk, alice: back } = restarted(gate);
  await expect(desk.token(back, id)).rejects.toMatchObject({ code: 'lease-refused' });
});
