// The durable row written before a guest starts, and what becomes of it after a crash.

import type { Store, Table } from '../base/store/store.ts';
import type { BudgetBook } from '../decide/limits/budget-book.ts';
import type { ReceiptFacts } from '../trust/receipt/leaf.ts';
import { leafSequence, type ReceiptLog } from '../trust/receipt/receipt-log.ts';

/** A call that was let in and has no outcome yet. Key: the call id. */
export interface Intent {
  readonly facts: ReceiptFacts;
}

export const intentTable: Table<Intent> = { name: 'intent', indexes: {} };

/**
 * Turns every intent a crash left behind into a receipt `unknown`. Uses, spend and approvals stay
 * consumed; nothing is run again. Idempotent by call id: row and leaf change in one transaction.
 *
 * @returns how many there were.
 */
export async function settleInterrupted(
  store: Store,
  log: ReceiptLog,
  budgets: BudgetBook,
  now: number,
): Promise<number> {
  const left = store.read((reader) => reader.list(intentTable, undefined, { limit: 100_000 }));
  await Promise.all(
    left.map(({ tenant, key, value }) =>
      store.commit((tx) => {
        if (!tx.delete(intentTable, tenant, key)) return;
        budgets.consume(tx, tenant, key);
        if (tx.entryById(leafSequence, key) !== undefined) return;
        log.append(tx, {
          ...value.facts,
          outcome: 'unknown',
          time: now,
          code: 'outcome-unknown',
          reason: 'the daemon ended while the call ran',
        });
      }),
    ),
  );
  return left.length;
}
