// Reader and transaction over one SQLite connection. A view dies with the work it was made for.

import type { SQLOutputValue } from 'node:sqlite';
import { WarderError } from '../../errors/errors.ts';
import { decodeValue, type EncodedValue, encodeValue } from '../codec.ts';
import {
  type AnyTable,
  checkEntry,
  checkFacet,
  checkKey,
  checkTenant,
  type Declarations,
  indexValue,
} from '../declared.ts';
import type {
  Entry,
  EntryQuery,
  NewEntry,
  Reader,
  Row,
  RowQuery,
  Sequence,
  Table,
  TenantId,
  Tx,
} from '../store.ts';
import { isSqliteError, storeFailure } from './failure.ts';
import {
  entryQuery,
  rowQuery,
  scanQuery,
  type SequenceSql,
  sequenceSql,
  type Statements,
  type TableSql,
  tableSql,
} from './statements.ts';

/** SQL texts by table and sequence, shared by all views of a store. */
export class Texts {
  readonly #tables = new Map<string, TableSql>();
  readonly #sequences = new Map<string, SequenceSql>();
  readonly #declarations: Declarations;

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  table(table: AnyTable): TableSql {
    this.#declarations.table(table);
    let sql = this.#tables.get(table.name);
    if (sql === undefined) {
      sql = tableSql(table.name, this.#declarations.tables.get(table.name) ?? []);
      this.#tables.set(table.name, sql);
    }
    return sql;
  }

  sequence(sequence: Sequence): SequenceSql {
    this.#declarations.sequence(sequence);
    let sql = this.#sequences.get(sequence.name);
    if (sql === undefined) {
      sql = sequenceSql(sequence);
      this.#sequences.set(sequence.name, sql);
    }
    return sql;
  }
}

type Raw = Record<string, SQLOutputValue>;

/** A {@link Reader} that can be ended. */
export class SqliteReader implements Reader {
  protected readonly statements: Statements;
  protected readonly texts: Texts;
  #live = true;

  constructor(statements: Statements, texts: Texts) {
    this.statements = statements;
    this.texts = texts;
  }

  /** After this every use throws. */
  end(): void {
    this.#live = false;
  }

  get<T>(table: Table<T>, tenant: TenantId, key: string): T | undefined {
    checkTenant(tenant);
    checkKey(key);
    return this.guard(() => {
      const row = this.statements.get(this.texts.table(table).get).get(tenant, key);
      return row === undefined ? undefined : (decodeValue(row['value'] as EncodedValue) as T);
    });
  }

  list<T>(table: Table<T>, tenant: TenantId | undefined, query: RowQuery = {}): Row<T>[] {
    return this.guard(() => {
      this.#checkIndex(table, query.index);
      const { sql, values } = rowQuery(table.name, tenant, query);
      return this.statements
        .get(sql)
        .all(...values)
        .map((row) => toRow<T>(row));
    });
  }

  *scan<T>(
    table: Table<T>,
    tenant: TenantId | undefined,
    index?: RowQuery['index'],
  ): Generator<Row<T>> {
    const rows = this.guard(() => {
      this.#checkIndex(table, index);
      const { sql, values } = scanQuery(table.name, tenant, index);
      // A statement of its own: another scan may begin before this one ends.
      return this.statements.db.prepare(sql).iterate(...values);
    });
    try {
      for (const row of rows) yield this.guard(() => toRow<T>(row));
    } catch (thrown) {
      throw this.failed(thrown);
    }
  }

  length(sequence: Sequence): number {
    return this.guard(() =>
      Number(this.statements.get(this.texts.sequence(sequence).length).get()?.['length']),
    );
  }

  entry(sequence: Sequence, index: number): Entry | undefined {
    return this.guard(() => {
      const row = this.statements.get(this.texts.sequence(sequence).byIndex).get(index);
      return row === undefined ? undefined : toEntry(sequence, row);
    });
  }

  entryById(sequence: Sequence, id: string): Entry | undefined {
    checkKey(id);
    return this.guard(() => {
      const row = this.statements.get(this.texts.sequence(sequence).byId).get(id);
      return row === undefined ? undefined : toEntry(sequence, row);
    });
  }

  entries(sequence: Sequence, query: EntryQuery = {}): Entry[] {
    return this.guard(() => {
      const { sql, values } = entryQuery(sequence, this.texts.sequence(sequence).select, query);
      return this.statements
        .get(sql)
        .all(...values)
        .map((row) => toEntry(sequence, row));
    });
  }

  bytes(sequence: Sequence, from: number, count: number): Uint8Array[] {
    return this.guard(() =>
      this.statements
        .get(this.texts.sequence(sequence).bytes)
        .all(from, from + count)
        .map((row) => row['bytes'] as Uint8Array),
    );
  }

  #checkIndex(table: AnyTable, index: RowQuery['index']): void {
    const { indexes } = this.texts.table(table);
    if (index !== undefined && !indexes.includes(index[0])) {
      throw new WarderError('usage', `\`${table.name}\` has no index \`${index[0]}\``);
    }
  }

  protected guard<R>(access: () => R): R {
    if (!this.#live)
      throw new WarderError('internal', 'a store view was used after its work ended');
    try {
      return access();
    } catch (thrown) {
      throw this.failed(thrown);
    }
  }

  protected failed(thrown: unknown): unknown {
    return isSqliteError(thrown) ? storeFailure('the store cannot be read', thrown) : thrown;
  }
}

/** A {@link Tx} inside the group's transaction. */
export class SqliteTx extends SqliteReader implements Tx {
  /** Set when SQLite itself failed: it may have rolled back everything, so the group is lost. */
  failure: WarderError | undefined;

  insert<T>(table: Table<T>, tenant: TenantId, key: string, value: T): void {
    const text = this.texts.table(table);
    if (this.#write(text.insert, text, table, tenant, key, value) === 0) {
      throw new WarderError('conflict', `\`${table.name}\` already has \`${key}\``);
    }
  }

  put<T>(table: Table<T>, tenant: TenantId, key: string, value: T): void {
    const text = this.texts.table(table);
    this.#write(text.put, text, table, tenant, key, value);
  }

  delete<T>(table: Table<T>, tenant: TenantId, key: string): boolean {
    checkTenant(tenant);
    checkKey(key);
    return this.guard(() => {
      const sql = this.texts.table(table).delete;
      return Number(this.statements.get(sql).run(tenant, key).changes) > 0;
    });
  }

  append(sequence: Sequence, tenant: TenantId, entry: NewEntry): number {
    checkTenant(tenant);
    checkEntry(sequence, entry);
    return this.guard(() => {
      const text = this.texts.sequence(sequence);
      const at = this.length(sequence);
      const facets = text.facets.map((facet) => entry.facets[facet]?.toWellFormed() ?? null);
      const { changes } = this.statements
        .get(text.append)
        .run(at, tenant, entry.id, entry.time, entry.bytes, ...facets);
      if (Number(changes) === 0) {
        throw new WarderError('conflict', `\`${sequence.name}\` already has \`${entry.id}\``);
      }
      return at;
    });
  }

  forgetFacet(sequence: Sequence, index: number, facet: string): boolean {
    checkFacet(sequence, facet);
    return this.guard(() => {
      const sql = this.texts.sequence(sequence).forget.get(facet) ?? '';
      return Number(this.statements.get(sql).run(index).changes) > 0;
    });
  }

  protected override failed(thrown: unknown): unknown {
    if (!isSqliteError(thrown)) return thrown;
    this.failure ??= storeFailure('the store cannot be written', thrown);
    return this.failure;
  }

  #write<T>(
    sql: string,
    text: TableSql,
    table: Table<T>,
    tenant: TenantId,
    key: string,
    value: T,
  ): number {
    checkTenant(tenant);
    checkKey(key);
    const encoded = encodeValue(value);
    const columns = text.indexes.map((name) => indexValue(table.indexes[name]?.(value)));
    return this.guard(() =>
      Number(this.statements.get(sql).run(tenant, key, encoded, ...columns).changes),
    );
  }
}

function toRow<T>(row: Raw): Row<T> {
  return {
    tenant: row['tenant'] as string,
    key: row['key'] as string,
    value: decodeValue(row['value'] as EncodedValue) as T,
  };
}

function toEntry(sequence: Sequence, row: Raw): Entry {
  const facets: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of sequence.facets) {
    const value = row[`f_${name}`];
    if (typeof value === 'string') facets[name] = value;
  }
  return {
    index: Number(row['at']),
    tenant: row['tenant'] as string,
    id: row['id'] as string,
    time: Number(row['time']),
    bytes: row['bytes'] as Uint8Array,
    facets,
  };
}
