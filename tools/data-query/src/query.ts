// Rows in, rows out: where, group and aggregate or select, sort, offset, limit.

import { Problem } from '../../../wit/sdk/typescript/tool.ts';
import { compare, parseCondition } from './condition.ts';
import { field, parsePath, type Json, type Path } from './path.ts';

export interface Query {
  readonly where?: string;
  readonly select?: readonly string[];
  readonly groupBy?: readonly string[];
  readonly aggregate?: Readonly<Record<string, string>>;
  readonly sort?: readonly string[];
  readonly offset?: number;
  readonly limit?: number;
}

export interface Result {
  readonly rows: readonly Json[];
  /** Rows before offset and limit. */
  readonly total: number;
}

interface Column {
  readonly name: string;
  readonly path: Path;
}

/** `path` or `path as name`. */
function column(text: string): Column {
  const found = /^(.*\S)\s+as\s+(\S+)$/.exec(text);
  const source = (found?.[1] ?? text).trim();
  const last = /([^.[\]"']+)["'\]]*$/.exec(source)?.[1];
  return { name: found?.[2] ?? last ?? source, path: parsePath(source) };
}

/** An object whose keys come from input: nothing is inherited and nothing is set by accident. */
function record(entries: Iterable<readonly [string, Json]>): { [key: string]: Json } {
  return Object.fromEntries(entries);
}

function project(columns: readonly Column[], row: Json): Json {
  return record(columns.map(({ name, path }) => [name, field(path, row) ?? null] as const));
}

function numbers(values: readonly (Json | undefined)[]): number[] {
  return values.filter((value) => typeof value === 'number');
}

function extreme(values: readonly (Json | undefined)[], sign: number): Json {
  let best: Json = null;
  for (const value of values) {
    if (value === undefined || value === null) continue;
    if (best === null || compare(value, best) * sign > 0) best = value;
  }
  return best;
}

const AGGREGATES: Readonly<Record<string, (values: readonly (Json | undefined)[]) => Json>> = {
  __proto__: null as never,
  count: (values) => values.filter((value) => value !== undefined && value !== null).length,
  sum: (values) => numbers(values).reduce((sum, value) => sum + value, 0),
  avg: (values) => {
    const found = numbers(values);
    return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0) / found.length;
  },
  min: (values) => extreme(values, -1),
  max: (values) => extreme(values, 1),
  distinct: (values) =>
    new Set(values.filter((value) => value !== undefined).map((value) => JSON.stringify(value))).size,
  first: (values) => values.find((value) => value !== undefined) ?? null,
};

/** `count()` or `FUNCTION(path)`. */
function aggregate(text: string): (rows: readonly Json[]) => Json {
  const found = /^\s*(\w+)\s*\(\s*(.*?)\s*\)\s*$/.exec(text);
  const name = found?.[1] ?? '';
  const source = found?.[2] ?? '';
  const combine = AGGREGATES[name];
  if (!combine) {
    const known = Object.keys(AGGREGATES).join(', ');
    throw new Problem(`aggregate \`${text}\`: expected FUNCTION(field) with one of ${known}`);
  }
  if (source === '' || source === '*') {
    if (name !== 'count') throw new Problem(`aggregate \`${text}\`: which field?`);
    return (rows) => rows.length;
  }
  const path = parsePath(source);
  return (rows) => combine(rows.map((row) => field(path, row)));
}

function grouped(rows: readonly Json[], query: Query): Json[] {
  const keys = (query.groupBy ?? []).map(column);
  const columns = Object.entries(query.aggregate ?? { count: 'count()' }).map(
    ([name, text]) => [name, aggregate(text)] as const,
  );
  const groups = new Map<string, { key: Json; rows: Json[] }>();
  for (const row of rows) {
    const key = project(keys, row);
    const text = JSON.stringify(key);
    const group = groups.get(text);
    if (group) group.rows.push(row);
    else groups.set(text, { key, rows: [row] });
  }
  if (keys.length === 0 && groups.size === 0) groups.set('', { key: {}, rows: [] });
  return [...groups.values()].map((group) =>
    record([
      ...Object.entries(group.key as { [key: string]: Json }),
      ...columns.map(([name, combine]) => [name, combine(group.rows)] as const),
    ]),
  );
}

/** Where values of different types sort: numbers, texts, booleans, others, nothing. */
function rank(value: Json | undefined): number {
  if (value === undefined || value === null) return 4;
  const place = ['number', 'string', 'boolean'].indexOf(typeof value);
  return place < 0 ? 3 : place;
}

function sorted(rows: readonly Json[], sort: readonly string[]): Json[] {
  const orders = sort.map((text) => {
    const down = text.startsWith('-');
    return { sign: down ? -1 : 1, path: parsePath(down ? text.slice(1) : text) };
  });
  const keyed = rows.map((row) => ({ row, keys: orders.map(({ path }) => field(path, row)) }));
  keyed.sort((a, b) => {
    for (const [i, { sign }] of orders.entries()) {
      const [left, right] = [a.keys[i], b.keys[i]];
      // What is missing comes last in either direction.
      if (rank(left) !== rank(right)) {
        const order = rank(left) - rank(right);
        return rank(left) === 4 || rank(right) === 4 ? order : order * sign;
      }
      const order = compare(left, right) || 0;
      if (order !== 0) return order * sign;
    }
    return 0;
  });
  return keyed.map(({ row }) => row);
}

/** Runs the query. @throws Problem when a part of it cannot be read. */
export function run(rows: readonly Json[], query: Query): Result {
  let found = [...rows];
  if (query.where !== undefined) found = found.filter(parseCondition(query.where));
  if (query.groupBy !== undefined || query.aggregate !== undefined) found = grouped(found, query);
  if (query.sort !== undefined) found = sorted(found, query.sort);
  const total = found.length;
  const offset = query.offset ?? 0;
  found = found.slice(offset, offset + (query.limit ?? 100));
  if (query.select !== undefined) {
    const columns = query.select.map(column);
    found = found.map((row) => project(columns, row));
  }
  return { rows: found, total };
}
