// What was done under each task, added up over its receipts.

import type { ReceiptDetail } from './receipt-reader.ts';

/** Receipts of one task, added up. */
export interface TaskReport {
  /** As leases say it; null for what was done under none. */
  readonly task: string | null;
  readonly receipts: number;
  readonly calls: number;
  /** How calls ended, how often. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** What tools did, by kind and state: `http answered`. */
  readonly effects: Readonly<Record<string, { readonly count: number; readonly bytes: number }>>;
  /** Hosts that requests were sent to, as far as their names are kept. */
  readonly hosts: readonly string[];
  /** Prices of calls that ran, by currency, in its smallest unit, as far as they are kept. */
  readonly spend: Readonly<Record<string, number>>;
  /** Ids of approvals asked for, decided or used. */
  readonly approvals: readonly string[];
  /** State keys. */
  readonly leases: readonly string[];
  /** Calls of which targets or prices were erased: hosts and spend lack them. */
  readonly erased: number;
  /** ISO 8601, of the first and the last receipt. */
  readonly first: string;
  readonly last: string;
}

interface Sum {
  receipts: number;
  calls: number;
  readonly outcomes: Map<string, number>;
  readonly effects: Map<string, { count: number; bytes: number }>;
  readonly hosts: Set<string>;
  readonly spend: Map<string, number>;
  readonly approvals: Set<string>;
  readonly leases: Set<string>;
  erased: number;
  first: string;
  last: string;
}

/** Adds receipts up by their task. */
export class TaskReports {
  readonly #sums = new Map<string | null, Sum>();

  add(receipt: ReceiptDetail): void {
    const sum = this.#sumOf(receipt);
    const { predicate } = receipt.statement;
    sum.receipts += 1;
    if (receipt.time < sum.first) sum.first = receipt.time;
    if (receipt.time > sum.last) sum.last = receipt.time;
    if (receipt.lease !== undefined) sum.leases.add(receipt.lease);
    if (receipt.approval !== undefined) sum.approvals.add(receipt.approval);
    if (receipt.type !== 'call') return;
    sum.calls += 1;
    count(sum.outcomes, receipt.outcome, 1);
    for (const { kind, state, count: times, bytes } of predicate.effects ?? []) {
      const key = `${kind} ${state}`;
      const before = sum.effects.get(key) ?? { count: 0, bytes: 0 };
      sum.effects.set(key, { count: before.count + times, bytes: before.bytes + bytes });
    }
    for (const host of receipt.hosts ?? []) sum.hosts.add(host);
    const { fields, effects } = receipt.openings;
    const kept = fields['spend'];
    if (kept !== undefined && 'value' in kept) {
      const { currency, amount } = kept.value as { currency: string; amount: number };
      count(sum.spend, currency, amount);
    }
    const gone = [...effects, ...(kept === undefined ? [] : [kept])].some(
      (opening) => 'erased' in opening,
    );
    if (gone) sum.erased += 1;
  }

  /** By the time of their first receipt. */
  list(): readonly TaskReport[] {
    return [...this.#sums]
      .map(([task, sum]): TaskReport => ({
        task,
        receipts: sum.receipts,
        calls: sum.calls,
        outcomes: sorted(sum.outcomes),
        effects: sorted(sum.effects),
        hosts: [...sum.hosts].sort(),
        spend: sorted(sum.spend),
        approvals: [...sum.approvals].sort(),
        leases: [...sum.leases].sort(),
        erased: sum.erased,
        first: sum.first,
        last: sum.last,
      }))
      .sort((a, b) => (a.first < b.first ? -1 : 1));
  }

  #sumOf(receipt: ReceiptDetail): Sum {
    const { time } = receipt;
    const task = receipt.task ?? null;
    let sum = this.#sums.get(task);
    if (sum === undefined) {
      sum = {
        receipts: 0,
        calls: 0,
        outcomes: new Map(),
        effects: new Map(),
        hosts: new Set(),
        spend: new Map(),
        approvals: new Set(),
        leases: new Set(),
        erased: 0,
        first: time,
        last: time,
      };
      this.#sums.set(task, sum);
    }
    return sum;
  }
}

function count(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function sorted<T>(values: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}
