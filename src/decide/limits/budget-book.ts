// The durable account of budgets: what a call may come to use is taken before it runs, and what it did
// not use is given back after. Every change is part of the caller's transaction, so parallel calls and
// crashes can neither overdraw nor lose anything.

import { hash } from 'node:crypto';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Reader, Store, Table, TenantId, Tx } from '../../base/store/store.ts';
import {
  type Budget,
  type BudgetSubject,
  type CompiledBudget,
  compileBudget,
  measureName,
  type Taker,
} from './budget.ts';
import { periodOf } from './period.ts';

/** Budgets, keyed by name. */
export const budgetTable: Table<Budget> = { name: 'budget', indexes: {} };

/** What was used of one budget, in one period, by those who share it. Key: `NAME/PERIOD/WHO`. */
export interface BudgetUse {
  /** Taken: used up, or held for calls that run. */
  readonly taken: number;
  readonly period: string;
  /** Whose it is, when `each` keeps them apart. */
  readonly who: Readonly<Record<string, string>>;
}
export const budgetUseTable: Table<BudgetUse> = { name: 'budget-use', indexes: {} };

/** What is held for one running call. Key: the call id. */
export interface BudgetHold {
  readonly held: readonly {
    readonly use: string;
    readonly measure: string;
    readonly amount: number;
  }[];
}
export const budgetHoldTable: Table<BudgetHold> = { name: 'budget-hold', indexes: {} };

/** Says which budgets a tenant has, so that what is compiled of others is known to be old. */
export const budgetVersionTable: Table<{ readonly version: number | string }> = {
  name: 'budget-version',
  indexes: {},
};
const VERSION_KEY = 'version';

/** By measure, `calls` or `EUR`: how much at most before a call, how much it was after. */
export type Amounts = Readonly<Record<string, number>>;

/** How much of a budget is left. */
export interface BudgetState {
  readonly budget: Budget;
  readonly uses: readonly (BudgetUse & { readonly left: number })[];
}

/** Uses of past periods that one new period takes away; the next takes more. */
const SWEPT = 64;
const LISTED = 1000;
const BUDGETS_MAX = LISTED;

export class BudgetBook {
  readonly #store: Store;
  readonly #compiled = new Map<
    TenantId,
    { readonly version: number | string; readonly budgets: readonly CompiledBudget[] }
  >();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Budgets of a tenant by name, with what is taken in the period that holds `now`.
   *
   * @param more that are not the tenant's own: those of the policy in force.
   */
  state(tenant: TenantId, now: number, more: readonly Budget[] = []): readonly BudgetState[] {
    return this.#store.read((reader) =>
      [...budgetsOf(reader, tenant), ...more].map((budget) => {
        const period = periodOf(budget.period, now, budget.zone);
        const keyPrefix = `${budget.name}/${period}/`;
        const rows = reader.list(budgetUseTable, tenant, { keyPrefix, limit: LISTED });
        return {
          budget,
          uses: rows.map(({ value }) => ({
            ...value,
            left: Math.max(0, budget.limit - value.taken),
          })),
        };
      }),
    );
  }

  /**
   * Adds a budget, or replaces the one of its name; what was used of that stays counted.
   *
   * @throws WarderError `usage` when there are too many.
   */
  set(tx: Tx, tenant: TenantId, budget: Budget): void {
    const others = budgetsOf(tx, tenant).filter(({ name }) => name !== budget.name);
    if (others.length >= BUDGETS_MAX) {
      throw new WarderError('usage', `a tenant has at most ${BUDGETS_MAX} budgets`, {
        hint: 'one budget with `--each` counts for many: take others away with `warder budget remove`',
      });
    }
    tx.put(budgetTable, tenant, budget.name, budget);
    bump(tx, tenant);
  }

  /** Takes away what was used of budgets that are in force no more, in every tenant. */
  forget(tx: Tx, names: readonly string[]): void {
    for (const name of names) {
      const keyPrefix = `${name}/`;
      for (;;) {
        const rows = tx.list(budgetUseTable, undefined, { keyPrefix, limit: LISTED });
        for (const { tenant, key } of rows) tx.delete(budgetUseTable, tenant, key);
        if (rows.length < LISTED) break;
      }
    }
  }

  /** @throws WarderError `not-found`; `usage` for one of the policy in force. */
  remove(tx: Tx, tenant: TenantId, name: string): Budget {
    if (isOfPolicy(name)) {
      throw new WarderError('usage', `\`${name.slice(0, 64)}\` is the rate of a rule`, {
        hint: 'change or take away the rule, then `warder policy set`',
      });
    }
    const budget = tx.get(budgetTable, tenant, name);
    if (budget === undefined) {
      throw new WarderError('not-found', `there is no budget \`${name.slice(0, 64)}\``, {
        hint: '`warder budget list` shows what there is',
      });
    }
    tx.delete(budgetTable, tenant, name);
    for (const { key } of tx.list(budgetUseTable, tenant, { keyPrefix: `${name}/` })) {
      tx.delete(budgetUseTable, tenant, key);
    }
    bump(tx, tenant);
    return budget;
  }

  /**
   * Takes what a call may use at most from every budget that covers it, or from none.
   *
   * @param most by measure; a measure that is absent is not used by this call.
   * @param more budgets that are not the tenant's own: those of the policy in force.
   * @throws WarderError `limit-reached` naming the budget that has too little left; `internal` for an
   *   amount that is not a whole number of 0 or more.
   */
  reserve(
    tx: Tx,
    call: { readonly tenant: TenantId; readonly id: string; readonly subject: BudgetSubject },
    most: Amounts,
    now: number,
    more: readonly CompiledBudget[] = [],
  ): void {
    const { tenant, id, subject } = call;
    const held: BudgetHold['held'][number][] = [];
    for (const { budget, takersOf } of [...this.#of(tx, tenant), ...more]) {
      const measure = measureName(budget.measure);
      const amount = whole(most[measure] ?? 0);
      if (amount === 0) continue;
      for (const who of takersOf(subject)) {
        const use = this.#take(tx, tenant, budget, who, amount, now);
        held.push({ use, measure, amount });
      }
    }
    if (held.length > 0) tx.insert(budgetHoldTable, tenant, id, { held });
  }

  /**
   * What is left in the tightest budget that a call would take from, percent, rounded down; undefined
   * when none covers it. Takes nothing: by the time the call runs less may be left.
   */
  left(
    tenant: TenantId,
    subject: BudgetSubject,
    most: Amounts,
    now: number,
    more: readonly CompiledBudget[] = [],
  ): number | undefined {
    return this.#store.read((reader) => {
      let least: number | undefined;
      for (const { budget, takersOf } of [...this.#of(reader, tenant), ...more]) {
        if (whole(most[measureName(budget.measure)] ?? 0) === 0) continue;
        for (const who of takersOf(subject)) {
          const { use } = useOf(budget, who, now);
          const taken = reader.get(budgetUseTable, tenant, use)?.taken ?? 0;
          least = Math.min(least ?? 100, percent(budget.limit - taken, budget.limit));
        }
      }
      return least;
    });
  }

  /**
   * Gives back what the call held and did not use. A call that used more than it held (which its
   * limits should have kept it from) is charged in full. Without a hold nothing happens.
   */
  settle(tx: Tx, tenant: TenantId, id: string, used: Amounts): void {
    for (const { use, measure, amount } of release(tx, tenant, id)) {
      const row = tx.get(budgetUseTable, tenant, use);
      // Its budget was removed meanwhile, or its period is long over.
      if (row === undefined) continue;
      const taken = Math.max(0, row.taken - amount + whole(used[measure] ?? 0));
      if (taken !== row.taken) tx.put(budgetUseTable, tenant, use, { ...row, taken });
    }
  }

  /** Gives back everything: the call did not run. */
  refund(tx: Tx, tenant: TenantId, id: string): void {
    this.settle(tx, tenant, id, {});
  }

  /** Keeps everything the call held: nobody knows what it did. */
  consume(tx: Tx, tenant: TenantId, id: string): void {
    release(tx, tenant, id);
  }

  #take(tx: Tx, tenant: TenantId, budget: Budget, who: Taker, amount: number, now: number): string {
    const { period, use } = useOf(budget, who, now);
    const row = tx.get(budgetUseTable, tenant, use);
    const taken = (row?.taken ?? 0) + amount;
    if (taken > budget.limit) throw overdrawn(budget, budget.limit - (row?.taken ?? 0), amount);
    tx.put(budgetUseTable, tenant, use, { taken, period, who });
    if (row === undefined) sweep(tx, tenant, budget.name, period);
    return use;
  }

  /** The tenant's budgets, read again only after one was changed. */
  #of(reader: Reader, tenant: TenantId): readonly CompiledBudget[] {
    const version = reader.get(budgetVersionTable, tenant, VERSION_KEY)?.version ?? 0;
    let compiled = this.#compiled.get(tenant);
    if (compiled?.version !== version) {
      compiled = { version, budgets: budgetsOf(reader, tenant).map(compileBudget) };
      this.#compiled.set(tenant, compiled);
    }
    return compiled.budgets;
  }
}

/** By content, not by number: a number whose commit failed would come again with other budgets. */
function bump(tx: Tx, tenant: TenantId): void {
  const version = hash('sha256', canonicalJson(budgetsOf(tx, tenant)), 'hex');
  tx.put(budgetVersionTable, tenant, VERSION_KEY, { version });
}

/** The row that counts what one taker used in the period that holds `now`. */
function useOf(
  budget: Budget,
  who: Taker,
  now: number,
): { readonly period: string; readonly use: string } {
  const period = periodOf(budget.period, now, budget.zone);
  const taker = hash('sha256', canonicalJson(who), 'hex').slice(0, 32);
  return { period, use: `${budget.name}/${period}/${taker}` };
}

function percent(left: number, limit: number): number {
  if (left <= 0) return 0;
  return Number((BigInt(left) * 100n) / BigInt(limit));
}

function budgetsOf(reader: Reader, tenant: TenantId): readonly Budget[] {
  return reader.list(budgetTable, tenant, { limit: LISTED }).map(({ value }) => value);
}

function release(tx: Tx, tenant: TenantId, id: string): BudgetHold['held'] {
  const hold = tx.get(budgetHoldTable, tenant, id);
  if (hold === undefined) return [];
  tx.delete(budgetHoldTable, tenant, id);
  return hold.held;
}

/** Takes uses of earlier periods away; keys sort by period. */
function sweep(tx: Tx, tenant: TenantId, name: string, period: string): void {
  for (const { key, value } of tx.list(budgetUseTable, tenant, {
    keyPrefix: `${name}/`,
    limit: SWEPT,
  })) {
    if (value.period >= period) return;
    tx.delete(budgetUseTable, tenant, key);
  }
}

/** Names of operators hold no colon. */
function isOfPolicy(name: string): boolean {
  return name.startsWith('rule:');
}

function whole(amount: number): number {
  if (Number.isSafeInteger(amount) && amount >= 0) return amount;
  throw new WarderError('internal', 'an amount that is not a whole number of 0 or more');
}

function overdrawn(budget: Budget, left: number, amount: number): WarderError {
  const measure = measureName(budget.measure);
  const raise = isOfPolicy(budget.name)
    ? 'an operator changes the rule'
    : 'an operator raises it with `warder budget set`';
  const again = budget.period === 'ever' ? '' : ` in this ${budget.period}`;
  return new WarderError(
    'limit-reached',
    `the budget \`${budget.name}\` has ${Math.max(0, left)} ${measure} left${again}, the call may need ${amount}`,
    {
      hint: budget.period === 'ever' ? raise : `wait for the next ${budget.period}, or ${raise}`,
      data: { budget: budget.name, left: Math.max(0, left), needed: amount, measure },
    },
  );
}
