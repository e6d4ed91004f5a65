// What was done under each task, added up.

import { expect, test } from 'vitest';
import { TaskReports } from '../../../src/trust/receipt/task-report.ts';
import { ReceiptReader } from '../../../src/trust/receipt/receipt-reader.ts';
import { ReceiptLog } from '../../../src/trust/receipt/receipt-log.ts';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { eraseOpenings } from '../../../src/trust/receipt/erase.ts';
import { leafSequence } from '../../../src/trust/receipt/receipt-log.ts';
import { callFacts, declared, random } from './log-fixture.ts';

const START = 1_790_000_000_000;

test('calls, effects, hosts, spend, approvals and leases by task', async () => {
  const store = openMemoryStore(declared);
  const log = new ReceiptLog({ store, origin: 'warder.invalid/log/0', random });
  const http = { kind: 'http', count: 1, bytes: 10 } as const;
  const facts = [
    callFacts({
      time: START,
      task: 'one',
      lease: 'a'.repeat(64),
      approval: 'appr_1',
      spend: { currency: 'EUR', amount: 120 },
      effects: [
        { ...http, state: 'answered', target: 'GET https://b.example/' },
        { ...http, state: 'refused', target: 'GET https://never.example/' },
      ],
    }),
    callFacts({
      time: START + 5000,
      task: 'one',
      lease: 'b'.repeat(64),
      outcome: 'refused',
      effects: [{ ...http, state: 'answered', target: 'GET https://a.example/' }],
    }),
    callFacts({
      time: START + 9000,
      task: 'one',
      type: 'approval',
      approval: 'appr_1',
      lease: 'c'.repeat(64),
    }),
    callFacts({ time: START + 1000, task: 'two', spend: { currency: 'EUR', amount: 5 } }),
    callFacts({ time: START + 2000, task: undefined as never, effects: [] }),
  ];
  await store.commit((tx) => facts.forEach((each) => log.append(tx, each)));
  const report = () => {
    const reports = new TaskReports();
    for (const receipt of new ReceiptReader(store, log).export()) reports.add(receipt);
    return reports.list();
  };
  const [one, two, none] = report();
  expect(one).toEqual({
    task: 'one',
    receipts: 3,
    calls: 2,
    outcomes: { done: 1, refused: 1 },
    effects: {
      'http answered': { count: 2, bytes: 20 },
      'http refused': { count: 1, bytes: 10 },
    },
    hosts: ['a.example', 'b.example'],
    spend: { EUR: 120 },
    approvals: ['appr_1'],
    leases: ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)],
    erased: 0,
    first: new Date(START).toISOString(),
    last: new Date(START + 9000).toISOString(),
  });
  expect(two).toMatchObject({ task: 'two', spend: { EUR: 5 }, calls: 1 });
  expect(none).toMatchObject({ task: null, calls: 1, hosts: [] });

  // What was erased is missing, and said to be.
  await store.commit((tx) => {
    const entry = tx.entry(leafSequence, 0);
    if (entry === undefined) throw new Error('a leaf that was just appended');
    eraseOpenings(tx, entry, ['spend', 'effects/0'], START);
  });
  expect(report()[0]).toMatchObject({ hosts: ['a.example'], spend: {}, erased: 1, calls: 2 });
});
