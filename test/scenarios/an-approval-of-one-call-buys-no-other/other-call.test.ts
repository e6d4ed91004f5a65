import { expect, test } from 'vitest';

import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { type Approval, approvalTable, givenBy } from '../../../src/decide/approval/approval.ts';
import { ApprovalBook } from '../../../src/decide/approval/approval-book.ts';
import { leaseRequestTable } from '../../../src/trust/lease/lease-request.ts';
import type { RiskSignal } from '../../../src/decide/policy/circumstances.ts';
import type { DecisionInput } from '../../../src/decide/policy/decide.ts';
import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import { bindingIn, questionIn } from '../../support/approval.ts';
import {
  ALL_CAPABILITIES,
  ECHO,
  inputOf,
  installed,
  leaseOf,
  NOW,
  starter,
} from '../../support/decision.ts';

const approved = inputOf({ text: 'transfer 10' }, { grant: { kv: true } });

const others: readonly (readonly [string, DecisionInput])[] = [
  ['other arguments', inputOf({ text: 'transfer 1000' }, { grant: { kv: true } })],
  ['an argument more', inputOf({ text: 'transfer 10', count: 9 }, { grant: { kv: true } })],
  [
    'another principal',
    { ...approved, principal: 'mallory', lease: leaseOf(ALL_CAPABILITIES, { sub: 'mallory' }) },
  ],
  ['another agent', { ...approved, agent: 'other' }],
  [
    'another tool',
    inputOf({ text: 'transfer 10' }, { definition: { ...ECHO, name: 'pay' }, grant: { kv: true } }),
  ],
  [
    'the package added again with other bytes',
    { ...approved, installation: { ...installed({ kv: true }), digest: 'e'.repeat(64) } },
  ],
  [
    'the same package added again',
    { ...approved, installation: { ...installed({ kv: true }), id: 'inst_02' } },
  ],
  [
    'a wider grant',
    { ...approved, installation: installed({ kv: true, write: [{ host: '/', guest: '/all' }] }) },
  ],
  ['a lease of its own', { ...approved, lease: leaseOf(ALL_CAPABILITIES, {}, 'bearer') }],
];

test.each(others)('an approval buys nothing for %s', async (_, other) => {
  const store = openMemoryStore({ tables: [approvalTable, leaseRequestTable], sequences: [] });
  const book = new ApprovalBook(store, (bytes) => new Uint8Array(bytes));
  const holder = await PolicyHolder.open(starter());
  const binding = bindingIn(approved);
  const { id } = await store.commit((tx) => book.ask(tx, questionIn(approved), NOW));
  const record = await store.commit((tx) =>
    book.approve(tx, 'default', id, { by: 'operator' }, NOW),
  );
  const wanted = bindingIn(other);

  expect(book.findApproved(wanted, { persons: 1, signals: [] }, NOW)).toBe(undefined);
  const named = store.commit((tx) => book.consume(tx, { ...wanted, id }, NOW));
  await expect(named).rejects.toThrow('the approval is for another call');
  if (other.call.digest !== approved.call.digest) {
    expect(holder.decide({ ...other, approval: givenBy(record) }).kind).toBe('refused');
  }
  const own = store.commit((tx) => book.consume(tx, { ...binding, id }, NOW));
  expect((await own).state).toBe('consumed');
});

test('an approval buys nothing once a risk is noticed that nobody was shown', async () => {
  const store = openMemoryStore({ tables: [approvalTable, leaseRequestTable], sequences: [] });
  const book = new ApprovalBook(store, (bytes) => new Uint8Array(bytes));
  const shown = { name: 'internal-address', note: 'the arguments name 10.0.0.1' };
  const since = { name: 'instruction-from-output', note: 'the arguments repeat an instruction' };
  const ask = (...signals: readonly RiskSignal[]): Promise<Approval> =>
    store.commit((tx) => book.ask(tx, questionIn(approved, { signals }), NOW));
  const { id } = await ask(shown);
  expect((await ask(shown)).id).toBe(id);
  await store.commit((tx) => book.approve(tx, 'default', id, { by: 'operator' }, NOW));
  const found = (...signals: readonly RiskSignal[]): string | undefined =>
    book.findApproved(bindingIn(approved), { persons: 1, signals }, NOW)?.id;
  expect([found(), found(shown), found({ ...since, quiet: true })]).toEqual([id, id, id]);
  expect([found(since), found(shown, since)]).toEqual([undefined, undefined]);
});
