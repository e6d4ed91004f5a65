// CSV that spreadsheets read as text: RFC 4180, no formulas, columns that stay.

import { expect, test } from 'vitest';
import { csvCell, csvHeader, csvRecord } from '../../../src/front/cli/receipt-csv.ts';
import type { ReceiptDetail } from '../../../src/trust/receipt/receipt-reader.ts';

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  [' =1', "' =1"],
  ['\r=1', '"\'\r=1"'],
  ['＝1', "'＝1"],
  ['|calc', "'|calc"],
  ['=cmd|"/c calc"', '"\'=cmd|""/c calc"""'],
  ['plain', 'plain'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\r\nlines', '"two\r\nlines"'],
  ['{"a":1}', '"{""a"":1}"'],
])('a cell of %j is %j', (text, cell) => {
  expect(csvCell(text)).toBe(cell);
});

test('numbers are numbers, nothing is nothing', () => {
  expect([csvCell(0), csvCell(12.5), csvCell(undefined)]).toEqual(['0', '12.5', '']);
});

test('columns are these, in this order; new ones come last', () => {
  expect(csvHeader).toBe(
    'leaf,id,time,tenant,type,outcome,tool,principal,operator,lease,task,approval,code,installation,' +
      'package,decision,rules,risk,signals,assurance,jail,effects,hosts,wall_ms,cpu_ms,net_bytes,spend,' +
      'arguments,result,reason,leaf_hash\r\n',
  );
});

test('a record has a cell for each column, and empty ones for what was erased', () => {
  const receipt = {
    id: 'call_1',
    index: 3,
    leafHash: 'ab',
    time: '2026-11-21T09:00:00.000Z',
    tenant: 'default',
    type: 'call',
    outcome: 'done',
    tool: '=HYPERLINK("http://x")',
    principal: 'alice',
    hosts: ['a.example', 'b.example'],
    statement: {
      predicate: {
        assurance: 'personal',
        jail: 'none',
        decision: { effect: 'allow', rules: ['r1', 'r2'] },
        effects: [{ kind: 'http', state: 'answered', count: 2 }],
        usage: { wallMs: 1.5 },
      },
    },
    openings: {
      fields: {
        arguments: { salt: '', value: { a: 'x,y' } },
        result: { erased: '2026-11-21T10:00:00.000Z' },
        reason: { salt: '', value: '+49' },
      },
      effects: [],
    },
  } as unknown as ReceiptDetail;
  expect(csvRecord(receipt)).toBe(
    '3,call_1,2026-11-21T09:00:00.000Z,default,call,done,"\'=HYPERLINK(""http://x"")",alice,,,,,,,,' +
      'allow,r1 r2,,,personal,none,http answered 2,a.example b.example,1.5,,,,"{""a"":""x,y""}",,\'+49,ab\r\n',
  );
});
