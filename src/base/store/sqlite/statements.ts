// One connection, its prepared statements, and every SQL text the store uses after it is open.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { afterPrefix, checkFacet, checkKey, checkTenant } from '../declared.ts';
import type { EntryQuery, RowQuery, Sequence, TenantId } from '../store.ts';
import { facetColumn, facetIndex, indexColumn, sequenceName, tableName } from './schema.ts';

/** A query's SQL text and its values. */
export interface Query {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

const DEFAULT_LIMIT = 1000;

/** Prepares each SQL text once per connection. */
export class Statements {
  readonly db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  get(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}

/** Fixed texts for one keyed table, made once. */
export interface TableSql {
  readonly get: string;
  readonly insert: string;
  readonly put: string;
  readonly delete: string;
  readonly indexes: readonly string[];
}

/** @param indexes index names in the order their values are bound. */
export function tableSql(name: string, indexes: readonly string[]): TableSql {
  const table = `"${tableName(name)}"`;
  const columns = ['tenant', 'key', 'value', ...indexes.map(indexColumn)];
  const into = `INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
  const set = columns.slice(2).map((column) => `${column} = excluded.${column}`);
  return {
    get: `SELECT value FROM ${table} WHERE tenant = ? AND key = ?`,
    insert: `INSERT ${into} ON CONFLICT DO NOTHING`,
    put: `INSERT ${into} ON CONFLICT (tenant, key) DO UPDATE SET ${set.join(', ')}`,
    delete: `DELETE FROM ${table} WHERE tenant = ? AND key = ?`,
    indexes,
  };
}

/** Fixed texts for one sequence, made once. */
export interface SequenceSql {
  readonly length: string;
  readonly append: string;
  readonly byIndex: string;
  readonly byId: string;
  readonly facets: readonly string[];
  readonly select: string;
  /** From a number on, and before another. */
  readonly bytes: string;
  /** By facet. */
  readonly forget: ReadonlyMap<string, string>;
}

export function sequenceSql(sequence: Sequence): SequenceSql {
  const table = `"${sequenceName(sequence.name)}"`;
  const columns = ['at', 'tenant', 'id', 'time', 'bytes', ...sequence.facets.map(facetColumn)];
  const select = `SELECT ${columns.join(', ')} FROM ${table}`;
  return {
    length: `SELECT coalesce(max(at) + 1, 0) AS length FROM ${table}`,
    append: `INSERT INTO ${table} (${columns.join(', ')})
      VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT DO NOTHING`,
    byIndex: `${select} WHERE at = ?`,
    byId: `${select} WHERE id = ?`,
    facets: sequence.facets,
    select,
    bytes: `SELECT bytes FROM ${table} WHERE at >= ? AND at < ? ORDER BY at`,
    forget: new Map(
      sequence.facets.map((facet) => {
        const column = facetColumn(facet);
        return [
          facet,
          `UPDATE ${table} SET ${column} = NULL WHERE at = ? AND ${column} IS NOT NULL`,
        ];
      }),
    ),
  };
}

/** Rows in no order. */
export function scanQuery(
  name: string,
  tenant: TenantId | undefined,
  index: RowQuery['index'],
): Query {
  return whichRows(tenant, index).unordered(selectRows(name));
}

export function rowQuery(name: string, tenant: TenantId | undefined, query: RowQuery): Query {
  const where = whichRows(tenant, query.index);
  if (query.keyPrefix !== undefined && query.keyPrefix !== '') {
    checkKey(query.keyPrefix);
    where.add('key >= ?', query.keyPrefix);
    const end = afterPrefix(query.keyPrefix);
    if (end !== undefined) where.add('key < ?', end);
  }
  const reverse = query.reverse === true;
  if (query.after !== undefined) {
    checkKey(query.after);
    where.add(reverse ? 'key < ?' : 'key > ?', query.after);
  }
  const order = reverse ? 'key DESC, tenant DESC' : 'key, tenant';
  return where.query(selectRows(name), order, query.limit ?? DEFAULT_LIMIT);
}

function selectRows(name: string): string {
  return `SELECT tenant, key, value FROM "${tableName(name)}"`;
}

function whichRows(tenant: TenantId | undefined, index: RowQuery['index']): Where {
  const where = new Where();
  if (tenant !== undefined) {
    checkTenant(tenant);
    where.add('tenant = ?', tenant);
  }
  if (index !== undefined) {
    const [name, equals] = index;
    where.add(
      `${indexColumn(name)} = ?`,
      typeof equals === 'string' ? equals.toWellFormed() : equals,
    );
  }
  return where;
}

export function entryQuery(sequence: Sequence, select: string, query: EntryQuery): Query {
  const where = new Where();
  if (query.tenant !== undefined) {
    checkTenant(query.tenant);
    where.add('tenant = ?', query.tenant);
  }
  for (const [facet, value] of Object.entries(query.where ?? {})) {
    checkFacet(sequence, facet);
    where.add(`${facetColumn(facet)} = ?`, value.toWellFormed());
  }
  const reverse = query.reverse === true;
  if (query.from !== undefined) where.add(reverse ? 'at <= ?' : 'at >= ?', query.from);
  if (query.since !== undefined) where.add('time >= ?', query.since);
  if (query.until !== undefined) where.add('time < ?', query.until);
  const order = reverse ? 'at DESC' : 'at';
  const limit = query.limit ?? DEFAULT_LIMIT;
  if (!where.selective) return where.query(select, order, limit);
  const table = `"${sequenceName(sequence.name)}" INDEXED BY "${facetIndex(sequence.name)}"`;
  const { sql, values } = where.query(`SELECT at FROM ${table}`, order, limit);
  return { sql: `${select} WHERE at IN (${sql}) ORDER BY ${order}`, values };
}

/** Collects conditions; only fixed texts and declared names go into SQL, values are always bound. */
class Where {
  readonly #conditions: string[] = [];
  readonly #values: SQLInputValue[] = [];

  add(condition: string, value: SQLInputValue): void {
    this.#conditions.push(condition);
    this.#values.push(value);
  }

  /** Whether anything but the entry's number is asked for. */
  get selective(): boolean {
    return this.#conditions.some((condition) => !condition.startsWith('at '));
  }

  unordered(select: string): Query {
    const where = this.#conditions.length === 0 ? '' : ` WHERE ${this.#conditions.join(' AND ')}`;
    return { sql: select + where, values: this.#values };
  }

  query(select: string, order: string, limit: number): Query {
    const { sql, values } = this.unordered(select);
    return {
      sql: `${sql} ORDER BY ${order} LIMIT ?`,
      values: [...values, Math.max(0, Math.floor(limit))],
    };
  }
}
