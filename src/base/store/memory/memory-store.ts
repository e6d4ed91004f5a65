// The store in memory: for tests and for embedding without a home. Same meaning, nothing durable.

import { WarderError } from '../../errors/errors.ts';
import { decodeValue, type EncodedValue, encodeValue } from '../codec.ts';
import {
  type AnyTable,
  checkEntry,
  checkFacet,
  checkKey,
  checkTenant,
  type Declared,
  Declarations,
  indexValue,
} from '../declared.ts';
import { closedError, CommitQueue, type Job, runWork } from '../group.ts';
import type {
  Entry,
  EntryQuery,
  NewEntry,
  Reader,
  Row,
  RowQuery,
  Sequence,
  Store,
  Table,
  TenantId,
  Tx,
} from '../store.ts';

/** Opens an empty store that lives as long as the process. */
export function openMemoryStore(options: Declared): Store {
  return new MemoryStore(new Declarations(options));
}

interface KeptRow {
  readonly tenant: TenantId;
  readonly key: string;
  /** Undefined: deleted in this layer. */
  readonly value: EncodedValue | undefined;
  readonly indexes: ReadonlyMap<string, string | number | null>;
}

/** Entries added over a parent's, found by number and by id. */
class Entries {
  readonly #below: Entries | undefined;
  readonly #own: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  /** Entries of the parent as they are from here on. */
  readonly #changed = new Map<number, Entry>();

  constructor(below?: Entries) {
    this.#below = below;
  }

  get length(): number {
    return (this.#below?.length ?? 0) + this.#own.length;
  }

  at(index: number): Entry | undefined {
    const below = this.#below?.length ?? 0;
    if (index >= below) return this.#own[index - below];
    return this.#changed.get(index) ?? this.#below?.at(index);
  }

  byId(id: string): Entry | undefined {
    const found = this.#byId.get(id) ?? this.#below?.byId(id);
    return found === undefined ? undefined : this.at(found.index);
  }

  all(): Entry[] {
    const below = this.#below?.all() ?? [];
    return [...below.map((entry) => this.#changed.get(entry.index) ?? entry), ...this.#own];
  }

  replace(entry: Entry): void {
    const below = this.#below?.length ?? 0;
    if (entry.index < below) this.#changed.set(entry.index, entry);
    else this.#own[entry.index - below] = entry;
  }

  push(entry: Entry): void {
    this.#own.push(entry);
    this.#byId.set(entry.id, entry);
  }

  merge(): void {
    for (const entry of this.#changed.values()) this.#below?.replace(entry);
    for (const entry of this.#own) this.#below?.push(entry);
  }
}

/** Changes over a parent: a job over its group, the group over what is committed. */
class Layer {
  readonly #parent: Layer | undefined;
  readonly #rows = new Map<string, Map<string, KeptRow>>();
  readonly #entries = new Map<string, Entries>();

  constructor(parent?: Layer) {
    this.#parent = parent;
  }

  row(table: string, id: string): KeptRow | undefined {
    return this.#rows.get(table)?.get(id) ?? this.#parent?.row(table, id);
  }

  rows(table: string): Map<string, KeptRow> {
    const all = this.#parent?.rows(table) ?? new Map<string, KeptRow>();
    for (const [id, row] of this.#rows.get(table) ?? []) all.set(id, row);
    return all;
  }

  setRow(table: string, id: string, row: KeptRow): void {
    const rows = this.#rows.get(table) ?? new Map<string, KeptRow>();
    this.#rows.set(table, rows.set(id, row));
  }

  entries(sequence: string): Entries {
    let entries = this.#entries.get(sequence);
    if (entries === undefined) {
      entries = new Entries(this.#parent?.entries(sequence));
      this.#entries.set(sequence, entries);
    }
    return entries;
  }

  /** Folds this layer into its parent. */
  merge(): void {
    for (const [table, rows] of this.#rows) {
      for (const [id, row] of rows) {
        // A deletion only has to hide what lies below it.
        if (row.value === undefined && this.#parent?.isBase === true) {
          this.#parent.#rows.get(table)?.delete(id);
        } else {
          this.#parent?.setRow(table, id, row);
        }
      }
    }
    for (const entries of this.#entries.values()) entries.merge();
  }

  get isBase(): boolean {
    return this.#parent === undefined;
  }
}

class MemoryStore implements Store {
  readonly #declarations: Declarations;
  readonly #committed = new Layer();
  readonly #queue: CommitQueue;
  #closed = false;

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
    this.#queue = new CommitQueue((jobs) => this.#flush(jobs));
  }

  read<T>(work: (reader: Reader) => T): T {
    if (this.#closed) throw closedError();
    const view = new MemoryView(this.#committed, this.#declarations);
    try {
      return work(view);
    } finally {
      view.end();
    }
  }

  commit<T>(work: (tx: Tx) => T): Promise<T> {
    return this.#queue.push(work);
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.#closed = true;
  }

  #flush(jobs: readonly Job[]): void {
    const group = new Layer(this.#committed);
    const answers: (() => void)[] = [];
    for (const { work, resolve, reject } of jobs) {
      const layer = new Layer(group);
      const view = new MemoryView(layer, this.#declarations);
      try {
        const value = runWork(work, view);
        layer.merge();
        answers.push(() => resolve(value));
      } catch (thrown) {
        answers.push(() => reject(thrown));
      }
      view.end();
    }
    group.merge();
    for (const answer of answers) answer();
  }
}

class MemoryView implements Tx {
  readonly #layer: Layer;
  readonly #declarations: Declarations;
  #live = true;

  constructor(layer: Layer, declarations: Declarations) {
    this.#layer = layer;
    this.#declarations = declarations;
  }

  end(): void {
    this.#live = false;
  }

  get<T>(table: Table<T>, tenant: TenantId, key: string): T | undefined {
    const value = this.#layer.row(this.#table(table), rowId(tenant, key))?.value;
    return value === undefined ? undefined : (decodeValue(value) as T);
  }

  list<T>(table: Table<T>, tenant: TenantId | undefined, query: RowQuery = {}): Row<T>[] {
    const { index, keyPrefix = '', after, limit = 1000, reverse = false } = query;
    const sign = reverse ? -1 : 1;
    const found = this.#rows(table, tenant, index).filter(
      (row) =>
        row.key.startsWith(keyPrefix) &&
        (after === undefined || sign * compareUtf8(row.key, after) > 0),
    );
    found.sort((a, b) => sign * (compareUtf8(a.key, b.key) || compareUtf8(a.tenant, b.tenant)));
    return found.slice(0, Math.max(0, Math.floor(limit))).map((row) => toRow<T>(row));
  }

  *scan<T>(
    table: Table<T>,
    tenant: TenantId | undefined,
    index?: RowQuery['index'],
  ): Generator<Row<T>> {
    for (const row of this.#rows(table, tenant, index)) {
      this.#table(table);
      yield toRow<T>(row);
    }
  }

  length(sequence: Sequence): number {
    return this.#entries(sequence).length;
  }

  entry(sequence: Sequence, index: number): Entry | undefined {
    return copy(this.#entries(sequence).at(index));
  }

  entryById(sequence: Sequence, id: string): Entry | undefined {
    checkKey(id);
    return copy(this.#entries(sequence).byId(id));
  }

  entries(sequence: Sequence, query: EntryQuery = {}): Entry[] {
    const { tenant, where = {}, from, since, until, limit = 1000, reverse = false } = query;
    for (const facet of Object.keys(where)) checkFacet(sequence, facet);
    if (tenant !== undefined) checkTenant(tenant);
    const all = this.#entries(sequence).all();
    const found = all.filter(
      (entry) =>
        (tenant === undefined || entry.tenant === tenant) &&
        Object.entries(where).every(
          ([facet, value]) => entry.facets[facet] === value.toWellFormed(),
        ) &&
        (from === undefined || (reverse ? entry.index <= from : entry.index >= from)) &&
        (since === undefined || entry.time >= since) &&
        (until === undefined || entry.time < until),
    );
    if (reverse) found.reverse();
    return found.slice(0, Math.max(0, Math.floor(limit))).flatMap((entry) => copy(entry) ?? []);
  }

  bytes(sequence: Sequence, from: number, count: number): Uint8Array[] {
    const entries = this.#entries(sequence);
    return Array.from({ length: count }, (_, at) => copy(entries.at(from + at))).flatMap(
      (entry) => entry?.bytes ?? [],
    );
  }

  insert<T>(table: Table<T>, tenant: TenantId, key: string, value: T): void {
    const name = this.#table(table);
    if (this.#layer.row(name, rowId(tenant, key))?.value !== undefined) {
      throw new WarderError('conflict', `\`${name}\` already has \`${key}\``);
    }
    this.put(table, tenant, key, value);
  }

  put<T>(table: Table<T>, tenant: TenantId, key: string, value: T): void {
    const name = this.#table(table);
    const indexes = new Map(
      Object.entries(table.indexes).map(([index, of]) => [index, indexValue(of(value))]),
    );
    const row = { tenant, key, value: encodeValue(value), indexes };
    this.#layer.setRow(name, rowId(tenant, key), row);
  }

  delete<T>(table: Table<T>, tenant: TenantId, key: string): boolean {
    const name = this.#table(table);
    const id = rowId(tenant, key);
    const had = this.#layer.row(name, id)?.value !== undefined;
    if (had) this.#layer.setRow(name, id, { tenant, key, value: undefined, indexes: new Map() });
    return had;
  }

  append(sequence: Sequence, tenant: TenantId, entry: NewEntry): number {
    checkTenant(tenant);
    checkEntry(sequence, entry);
    const all = this.#entries(sequence);
    if (all.byId(entry.id) !== undefined) {
      throw new WarderError('conflict', `\`${sequence.name}\` already has \`${entry.id}\``);
    }
    const index = all.length;
    const facets = Object.assign(Object.create(null) as Record<string, string>, entry.facets);
    for (const [name, value] of Object.entries(facets)) {
      if (value === undefined) delete facets[name];
      else facets[name] = value.toWellFormed();
    }
    const { id, time } = entry;
    all.push({ index, tenant, id, time, bytes: entry.bytes.slice(), facets });
    return index;
  }

  forgetFacet(sequence: Sequence, index: number, facet: string): boolean {
    checkFacet(sequence, facet);
    const all = this.#entries(sequence);
    const entry = copy(all.at(index));
    if (entry?.facets[facet] === undefined) return false;
    const { [facet]: _, ...facets } = entry.facets;
    all.replace({ ...entry, facets: Object.assign(Object.create(null) as object, facets) });
    return true;
  }

  #rows(
    table: AnyTable,
    tenant: TenantId | undefined,
    index: RowQuery['index'],
  ): readonly KeptRow[] {
    const name = this.#table(table);
    if (index !== undefined && !Object.hasOwn(table.indexes, index[0])) {
      throw new WarderError('usage', `\`${name}\` has no index \`${index[0]}\``);
    }
    if (tenant !== undefined) checkTenant(tenant);
    return [...this.#layer.rows(name).values()].filter(
      (row) =>
        row.value !== undefined &&
        (tenant === undefined || row.tenant === tenant) &&
        (index === undefined || row.indexes.get(index[0]) === indexValue(index[1])),
    );
  }

  #table(table: AnyTable): string {
    this.#checkLive();
    this.#declarations.table(table);
    return table.name;
  }

  #entries(sequence: Sequence): Entries {
    this.#checkLive();
    this.#declarations.sequence(sequence);
    return this.#layer.entries(sequence.name);
  }

  #checkLive(): void {
    if (!this.#live)
      throw new WarderError('internal', 'a store view was used after its work ended');
  }
}

function rowId(tenant: TenantId, key: string): string {
  checkTenant(tenant);
  checkKey(key);
  return `${tenant}\0${key}`;
}

function toRow<T>({ tenant, key, value }: KeptRow): Row<T> {
  return { tenant, key, value: decodeValue(value ?? 'null') as T };
}

function copy(entry: Entry | undefined): Entry | undefined {
  if (entry === undefined) return undefined;
  const facets = Object.assign(Object.create(null) as Record<string, string>, entry.facets);
  return { ...entry, bytes: entry.bytes.slice(), facets };
}

/** SQLite's order: by UTF-8 bytes, which is not JavaScript's order by UTF-16 units. */
function compareUtf8(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
