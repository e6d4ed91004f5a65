// The predecessor gave two leases for one approval when twelve asked at once, and let an approval be
// used again for ten minutes.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/base/store/store.ts';
import { approvalTable, givenBy } from '../../../src/decide/approval/approval.ts';
import { ApprovalBook } from '../../../src/decide/approval/approval-book.ts';
import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import { leaseRequestTable } from '../../../src/trust/lease/lease-request.ts';
import { bindingIn, questionIn } from '../../support/approval.ts';
import { inputOf, NOW, starter } from '../../support/decision.ts';

let home: string;
let store: Store;
let book: ApprovalBook;
let byte = 0;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'warder-once-'));
  store = openSqliteStore({
    path: join(home, 'state.db'),
    tables: [approvalTable, leaseRequestTable],
    sequences: [],
  });
  book = new ApprovalBook(store, (bytes) => new Uint8Array(bytes).fill((byte += 1)));
});
afterEach(async () => {
  await store.close();
  rmSync(home, { recursive: true, force: true });
});

const input = inputOf({ text: 'note' }, { grant: { kv: true } });
const binding = bindingIn(input);

/** The gate's steps: find, decide, consume in the transaction that would start the call. */
async function attempt(holder: PolicyHolder): Promise<'ran' | 'asked' | 'refused'> {
  const approval = book.findApproved(binding, { persons: 1, signals: [] }, NOW);
  const decision = holder.decide({
    ...input,
    ...(approval === undefined ? {} : { approval: givenBy(approval) }),
  });
  if (decision.kind === 'approval-required') return 'asked';
  if (decision.kind !== 'permit' || decision.approval === undefined) return 'refused';
  const id = decision.approval;
  return store
    .commit((tx) => book.consume(tx, { ...binding, id }, NOW))
    .then(
      () => 'ran',
      () => 'refused',
    );
}

async function approveOne(holder: PolicyHolder): Promise<void> {
  const decision = holder.decide(input);
  if (decision.kind !== 'approval-required') throw new Error(decision.kind);
  const request = questionIn(input, { reason: decision.reason });
  const { id } = await store.commit((tx) => book.ask(tx, request, NOW));
  await store.commit((tx) => book.approve(tx, 'default', id, { by: 'operator' }, NOW));
}

test('of thirty-two calls at once one runs, and none after it', async () => {
  const holder = await PolicyHolder.open(starter());
  expect(await attempt(holder)).toBe('asked');
  await approveOne(holder);
  const ends = await Promise.all(Array.from({ length: 32 }, () => attempt(holder)));
  expect(ends.filter((end) => end === 'ran')).toHaveLength(1);
  expect(await attempt(holder)).toBe('asked');
});

test('two approvals are two uses, not more', async () => {
  const holder = await PolicyHolder.open(starter());
  for (let round = 0; round < 2; round += 1) {
    await approveOne(holder);
    expect(await attempt(holder)).toBe('ran');
    expect(await attempt(holder)).toBe('asked');
  }
});

test('a use survives the store being closed and opened again', async () => {
  const holder = await PolicyHolder.open(starter());
  await approveOne(holder);
  expect(await attempt(holder)).toBe('ran');
  await store.close();
  store = openSqliteStore({
    path: join(home, 'state.db'),
    tables: [approvalTable, leaseRequestTable],
    sequences: [],
  });
  book = new ApprovalBook(store, (bytes) => new Uint8Array(bytes).fill((byte += 1)));
  expect(await attempt(holder)).toBe('asked');
});
