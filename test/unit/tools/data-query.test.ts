import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { parseCondition } from '../../../tools/data-query/src/condition.ts';
import { parseRecords } from '../../../tools/data-query/src/csv.ts';
import { follow, parsePath, type Json } from '../../../tools/data-query/src/path.ts';
import { openComponent, type Component } from './component.ts';

let component: Component;
beforeAll(async () => {
  component = await openComponent('tools/data-query/data-query.wasm');
});

interface Outcome {
  readonly rows?: readonly Record<string, Json>[];
  readonly total?: number;
  readonly problem?: string | undefined;
}

function query(name: 'query_json' | 'query_csv', args: object): Outcome {
  const answer = component.operations.call(name, JSON.stringify(args));
  if (answer.isError) return { problem: answer.content[0]?.val };
  return JSON.parse(answer.structured ?? '{}') as Outcome;
}

test('the component asks the host for nothing', () => {
  const names = component.operations.describe().map(({ name }) => name);
  expect(names).toEqual(['query_json', 'query_csv']);
  expect(component.imports).toEqual([]);
});

test('countries per time zone, counted out of a real table', () => {
  const csv = readFileSync('test/data/tables/time-zones.csv', 'utf8');
  const { rows, total } = query('query_csv', {
    csv,
    where: 'latitude < 0',
    groupBy: ['zone'],
    aggregate: { countries: 'count()', south: 'min(latitude)' },
    sort: ['-countries', 'zone'],
    limit: 3,
  });
  const counts = new Map<string, number>();
  for (const record of parseRecords(csv, ',').slice(1)) {
    if (Number(record[3]) < 0) counts.set(record[0] ?? '', (counts.get(record[0] ?? '') ?? 0) + 1);
  }
  const best = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, 3);
  expect(total).toBe(counts.size);
  expect(rows?.map((row) => [row['zone'], row['countries']])).toEqual(best);
});

test('subdivisions of one country out of a real 500 KB document', () => {
  const text = readFileSync('test/data/json/iso_3166-2.json', 'utf8');
  const { rows, total } = query('query_json', {
    data: text,
    path: '$["3166-2"]',
    where: 'code startsWith "IS-" and type = "Region"',
    select: ['code', 'name as region', 'parent'],
    sort: ['code'],
  });
  const all = (JSON.parse(text) as { '3166-2': { code: string; name: string; type: string }[] })[
    '3166-2'
  ];
  const wanted = all.filter(({ code, type }) => code.startsWith('IS-') && type === 'Region');
  expect(total).toBe(wanted.length);
  expect(rows).toEqual(
    wanted
      .sort((a, b) => (a.code < b.code ? -1 : 1))
      .map(({ code, name }) => ({ code, region: name, parent: null })),
  );
});

test('what cannot be read is a problem that says where', () => {
  expect(query('query_csv', { csv: 'a,b\n1,"2' }).problem).toBe(
    'line 2: a quoted field does not end',
  );
  expect(query('query_csv', { csv: 'a,b\n1\n' }).problem).toBe('record 1: 1 fields instead of 2');
  expect(query('query_json', { data: '{' }).problem).toContain('data is not JSON');
  expect(query('query_json', { data: [], where: 'a ~ 1' }).problem).toContain('expected one of');
  expect(query('query_json', { data: [], path: '$.a[' }).problem).toContain('cannot read');
  expect(query('query_json', { data: [1], aggregate: { x: 'median(a)' } }).problem).toContain(
    'count, sum',
  );
});

test('names that JavaScript objects inherit are only names', () => {
  const data = JSON.parse('[{"__proto__":"a","constructor":1},{"b":2}]') as Json;
  const { rows } = query('query_json', { data, select: ['__proto__', 'constructor', 'toString'] });
  expect(JSON.stringify(rows)).toBe(
    '[{"__proto__":"a","constructor":1,"toString":null},{"__proto__":null,"constructor":null,"toString":null}]',
  );
});

test('CSV of any fields reads back as written', () => {
  const value = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é') });
  const record = fc.array(value, { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1 }),
      fc.constantFrom('\n', '\r\n'),
      (records, end) => {
        const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const csv = records.map((fields) => fields.map(quote).join(',') + end).join('');
        expect(parseRecords(csv, ',')).toEqual(records);
      },
    ),
  );
});

test('paths name what they say', () => {
  const root: Json = { a: [{ b: 1 }, { b: 2, 'c d': { b: 3 } }], b: 4 };
  const all = (text: string): Json[] => follow(parsePath(text), root);
  expect(all('$.a[0].b')).toEqual([1]);
  expect(all('a[-1]["c d"].b')).toEqual([3]);
  expect(all('a[*].b')).toEqual([1, 2]);
  expect(all('$..b')).toEqual([4, 1, 2, 3]);
  expect(all('a[1:].b')).toEqual([2]);
  expect(all('a.nothing')).toEqual([]);
});

test('conditions bind as written', () => {
  const row: Json = { n: 5, s: 'Iceland', list: ['x', 1], 'a b': true, z: null };
  const holds = (text: string): boolean => parseCondition(text)(row);
  expect(holds('n > 4 and n <= 5 or s = "x" and n = 0')).toBe(true);
  expect(holds('not (n > 4 or s exists)')).toBe(false);
  expect(holds('s contains "land" and s endsWith "nd" and list contains 1')).toBe(true);
  expect(holds('n in [1, 5] and s in ["Iceland"]')).toBe(true);
  expect(holds('"a b" = true and z = null and not missing exists')).toBe(true);
  expect(holds('s > 3')).toBe(false);
  expect(holds('list[0] = "x" and n = -5e0')).toBe(false);
  for (const bad of ['n >', '(n = 1', 'n = 1 1', '= 1', 'n = [1', 'n = x']) {
    expect(() => parseCondition(bad), bad).toThrow('condition');
  }
});
