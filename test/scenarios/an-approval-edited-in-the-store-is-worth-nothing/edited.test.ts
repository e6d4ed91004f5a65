// In a predecessor, pending.json could be edited between the asking and the yes; it was approved as edited.

import { expect, test } from 'vitest';

import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { type Approval, approvalTable } from '../../../src/decide/approval/approval.ts';
import { ApprovalBook } from '../../../src/decide/approval/approval-book.ts';
import { leaseRequestTable } from '../../../src/trust/lease/lease-request.ts';
import { bindingIn, questionIn } from '../../support/approval.ts';
import { inputOf, NOW } from '../../support/decision.ts';

const harmless = inputOf({ text: 'ls' }, { grant: { kv: true } });
const harmful = inputOf({ text: 'rm -rf /' }, { grant: { kv: true } });

function bookWith(change: (kept: Approval) => Approval): {
  readonly run: (approveFirst: boolean) => Promise<unknown>;
} {
  const store = openMemoryStore({ tables: [approvalTable, leaseRequestTable], sequences: [] });
  const book = new ApprovalBook(store, (bytes) => new Uint8Array(bytes));
  return {
    run: async (approveFirst) => {
      const { id } = await store.commit((tx) => book.ask(tx, questionIn(harmless), NOW));
      const approve = (): Promise<unknown> =>
        store.commit((tx) => book.approve(tx, 'default', id, { by: 'operator' }, NOW));
      if (approveFirst) await approve();
      await store.commit((tx) => {
        const kept = tx.get(approvalTable, 'default', id);
        if (kept !== undefined) tx.put(approvalTable, 'default', id, change(kept));
      });
      if (!approveFirst) await approve();
      return store.commit((tx) => book.consume(tx, { ...bindingIn(harmful), id }, NOW));
    },
  };
}

test.each([
  ['the arguments', (kept: Approval) => ({ ...kept, arguments: harmful.call.arguments })],
  ['the digest', (kept: Approval) => ({ ...kept, digest: harmful.call.digest })],
  [
    'both',
    (kept: Approval) => ({
      ...kept,
      arguments: harmful.call.arguments,
      digest: harmful.call.digest,
    }),
  ],
])('after an edit of %s the edited call does not run', async (_, change) => {
  await expect(bookWith(change).run(false)).rejects.toThrow('was changed after it was asked for');
  await expect(bookWith(change).run(true)).rejects.toThrow(/was changed|for another call/);
});
