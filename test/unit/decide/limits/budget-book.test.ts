import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../../../../src/base/store/memory/memory-store.ts';
import type { Store } from '../../../../src/base/store/store.ts';
import {
  type Budget,
  type BudgetSubject,
  parseBudget,
} from '../../../../src/decide/limits/budget.ts';
import {
  BudgetBook,
  budgetHoldTable,
  budgetTable,
  budgetUseTable,
  budgetVersionTable,
} from '../../../../src/decide/limits/budget-book.ts';

const NOON = Date.parse('2026-03-31T12:00:00Z');
const DAY = 86_400_000;
const SUBJECT: BudgetSubject = {
  tool: 'web_get',
  installation: 'web',
  principal: 'agent:desk',
  agent: 'desk',
  lease: ['l1'],
  category: [],
};

let store: Store;
let book: BudgetBook;

beforeEach(() => {
  store = openMemoryStore({
    tables: [budgetTable, budgetUseTable, budgetHoldTable, budgetVersionTable],
    sequences: [],
  });
  book = new BudgetBook(store);
});

function budget(change: object = {}): Budget {
  return parseBudget({
    name: 'calls',
    measure: 'calls',
    limit: 2,
    period: 'day',
    scope: {},
    ...change,
  });
}

const set = (...budgets: readonly Budget[]): Promise<unknown> =>
  store.commit((tx) => budgets.forEach((each) => book.set(tx, 'default', each)));

const reserve = (
  id: string,
  most: Readonly<Record<string, number>> = { calls: 1 },
  subject: Partial<BudgetSubject> = {},
  now = NOON,
): Promise<void> =>
  store.commit((tx) =>
    book.reserve(tx, { tenant: 'default', id, subject: { ...SUBJECT, ...subject } }, most, now),
  );

const settle = (id: string, used: Readonly<Record<string, number>>): Promise<void> =>
  store.commit((tx) => book.settle(tx, 'default', id, used));

const taken = (now = NOON): number[] =>
  book.state('default', now).flatMap(({ uses }) => uses.map((use) => use.taken));

describe('budgets', () => {
  it('let through what fits and refuse what does not, naming the budget and the remedy', async () => {
    await set(budget());
    await reserve('c1');
    await reserve('c2');
    await expect(reserve('c3')).rejects.toMatchObject({
      code: 'limit-reached',
      message: 'the budget `calls` has 0 calls left in this day, the call may need 1',
      hint: expect.stringContaining('wait for the next day') as string,
    });
    expect(taken()).toEqual([2]);
  });

  it('begin anew with their period, in their zone', async () => {
    await set(budget({ limit: 1, zone: 'Europe/Berlin' }));
    const late = Date.parse('2026-03-31T21:59:00Z');
    await reserve('c1', { calls: 1 }, {}, late);
    await expect(reserve('c2', { calls: 1 }, {}, late)).rejects.toThrow('0 calls left');
    await reserve('c3', { calls: 1 }, {}, late + 2 * 60_000);
  });

  it('give back what a call held and did not use', async () => {
    await set(budget({ name: 'net', measure: 'net-bytes', limit: 100 }));
    await reserve('c1', { 'net-bytes': 90 });
    await expect(reserve('c2', { 'net-bytes': 20 })).rejects.toThrow('10 net-bytes left');
    await settle('c1', { 'net-bytes': 30 });
    expect(taken()).toEqual([30]);
    await reserve('c2', { 'net-bytes': 70 });
    await store.commit((tx) => book.refund(tx, 'default', 'c2'));
    expect(taken()).toEqual([30]);
  });

  it('keep what a call held of which nobody knows what it did', async () => {
    await set(budget({ name: 'eur', measure: { currency: 'EUR' }, limit: 10 }));
    await reserve('c1', { EUR: 7 });
    await store.commit((tx) => book.consume(tx, 'default', 'c1'));
    await settle('c1', { EUR: 0 });
    expect(taken()).toEqual([7]);
    await expect(reserve('c2', { EUR: 4 })).rejects.toThrow('3 EUR left');
  });

  it('take from all that cover a call, or from none', async () => {
    await set(
      budget({ name: 'all', limit: 5 }),
      budget({ name: 'web', limit: 1, scope: { installation: 'web' } }),
    );
    await reserve('c1');
    await expect(reserve('c2')).rejects.toThrow('`web`');
    expect(taken()).toEqual([1, 1]);
    await reserve('c3', { calls: 1 }, { installation: 'text' });
    expect(taken()).toEqual([2, 1]);
  });

  it('are each agent its own, where they are kept apart', async () => {
    await set(budget({ limit: 1, each: ['agent'] }));
    await reserve('c1');
    await reserve('c2', { calls: 1 }, { agent: 'other' });
    await expect(reserve('c3', { calls: 1 }, { agent: 'other' })).rejects.toThrow('0 calls left');
  });

  it('are another tenant his own', async () => {
    await set(budget({ limit: 1 }));
    await reserve('c1');
    await store.commit((tx) =>
      book.reserve(tx, { tenant: 'other', id: 'c2', subject: SUBJECT }, { calls: 5 }, NOON),
    );
  });

  it('change with effect on the next call, and what was used stays counted', async () => {
    await set(budget({ limit: 5 }));
    await reserve('c1');
    await set(budget({ limit: 1 }));
    await expect(reserve('c2')).rejects.toThrow('0 calls left');
    await store.commit((tx) => book.remove(tx, 'default', 'calls'));
    await reserve('c3');
    expect(book.state('default', NOON)).toEqual([]);
    await expect(store.commit((tx) => book.remove(tx, 'default', 'calls'))).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('a change that was rolled back has no effect', async () => {
    await set(budget({ limit: 1 }));
    await expect(
      store.commit((tx) => {
        book.set(tx, 'default', budget({ limit: 9 }));
        book.reserve(tx, { tenant: 'default', id: 'c0', subject: SUBJECT }, { calls: 1 }, NOON);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await reserve('c1');
    await expect(reserve('c2')).rejects.toThrow('0 calls left');
  });

  it('past periods are swept away', async () => {
    await set(budget());
    for (let day = 0; day < 5; day += 1)
      await reserve(`c${day}`, { calls: 1 }, {}, NOON + day * DAY);
    const rows = store.read((reader) => reader.list(budgetUseTable, 'default'));
    expect(rows.map(({ value }) => value.period)).toEqual(['2026-04-04']);
    await settle('c0', { calls: 1 });
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'an amount of %s is no refund',
    async (amount) => {
      await set(budget());
      await expect(reserve('c1', { calls: amount })).rejects.toMatchObject({ code: 'internal' });
      expect(taken()).toEqual([]);
    },
  );
});

it('whatever happens in whatever order, what is taken is what was used or is held, and never above the limit', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('reserve' as const), id: fc.nat(9), amount: fc.nat(40) }),
    fc.record({ do: fc.constant('settle' as const), id: fc.nat(9), used: fc.nat(100) }),
    fc.record({ do: fc.constantFrom('refund' as const, 'consume' as const), id: fc.nat(9) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 12 }),
      async (groups) => {
        const own = openMemoryStore({
          tables: [budgetTable, budgetUseTable, budgetHoldTable, budgetVersionTable],
          sequences: [],
        });
        let account = new BudgetBook(own);
        const limit = 100;
        await own.commit((tx) =>
          account.set(tx, 'default', budget({ measure: { currency: 'EUR' }, limit })),
        );
        const held = new Map<number, number>();
        let spent = 0;
        for (const group of groups) {
          // All steps of a group are handed in within one turn: they share a transaction.
          await Promise.all(
            group.map(async (each) => {
              const id = `c${each.id}`;
              try {
                await own.commit((tx) => {
                  switch (each.do) {
                    case 'reserve':
                      account.reserve(
                        tx,
                        { tenant: 'default', id, subject: SUBJECT },
                        { EUR: each.amount },
                        NOON,
                      );
                      break;
                    case 'settle':
                      account.settle(tx, 'default', id, {
                        EUR: Math.min(each.used, held.get(each.id) ?? 0),
                      });
                      break;
                    default:
                      account[each.do](tx, 'default', id);
                  }
                  const before = held.get(each.id);
                  if (each.do === 'reserve') {
                    if (each.amount > 0) held.set(each.id, each.amount);
                  } else {
                    held.delete(each.id);
                    if (before === undefined) return;
                    if (each.do === 'settle') spent += Math.min(each.used, before);
                    if (each.do === 'consume') spent += before;
                  }
                });
              } catch (error) {
                expect(error).toMatchObject({
                  code: expect.stringMatching(/limit-reached|conflict/) as string,
                });
              }
            }),
          );
          // The daemon ends and starts again.
          account = new BudgetBook(own);
          const holding = [...held.values()].reduce((sum, amount) => sum + amount, 0);
          const [use] = account.state('default', NOON)[0]?.uses ?? [];
          expect(use?.taken ?? 0).toBe(spent + holding);
          expect(use?.taken ?? 0).toBeLessThanOrEqual(limit);
        }
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});

it('budgets that were never committed are forgotten', async () => {
  const undone = store.commit((tx) => {
    book.set(tx, 'default', budget({ limit: 5 }));
    book.reserve(tx, { tenant: 'default', id: 'x', subject: SUBJECT }, { calls: 1 }, NOON);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  await set(budget({ limit: 0 }));
  await expect(reserve('y')).rejects.toMatchObject({ code: 'limit-reached' });
  expect(book.left('default', SUBJECT, { calls: 1 }, NOON)).toBe(0);
});

it('a tenant has so many budgets that all of them are looked at', async () => {
  await store.commit((tx) => {
    for (let at = 0; at < 1000; at += 1) {
      tx.put(budgetTable, 'default', `b-${at}`, budget({ name: `b-${at}` }));
    }
  });
  await expect(set(budget({ name: 'one-more' }))).rejects.toMatchObject({ code: 'usage' });
  await set(budget({ name: 'b-7', limit: 3 }));
});
