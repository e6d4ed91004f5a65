// Durable state behind one interface. Rooms declare their tables; a store keeps them.

/** A tenant id; part of the key of every row. */
export type TenantId = string;

/** A kind of keyed record. `T` is JSON-representable; bytes are `Uint8Array` members at the top level only. */
export interface Table<T> {
  readonly name: string;
  /** Values that {@link Reader.list} can select by; `undefined` leaves the row out of that index. */
  readonly indexes: Readonly<Record<string, (value: T) => string | number | undefined>>;
  /** Type marker, never set. */
  readonly row?: T;
}

/** An append-only numbered list; entry numbers start at 0, without gaps, over all tenants. */
export interface Sequence {
  readonly name: string;
  /** Names of the text values entries can be selected by. */
  readonly facets: readonly string[];
}

/** What is appended to a {@link Sequence}. */
export interface NewEntry {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly facets: Readonly<Record<string, string | undefined>>;
  /** Wall milliseconds, for selection by time. */
  readonly time: number;
}

/** An entry as kept. */
export interface Entry extends NewEntry {
  readonly index: number;
  readonly tenant: TenantId;
}

export interface Row<T> {
  readonly tenant: TenantId;
  readonly key: string;
  readonly value: T;
}

/** Which rows, in key order. */
export interface RowQuery {
  /** Only rows whose `index` has this value. */
  readonly index?: readonly [name: string, equals: string | number];
  readonly keyPrefix?: string;
  /** Only keys after (or, reversed, before) this one. */
  readonly after?: string;
  /** At most this many rows; 1000 when absent. */
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** Which entries, in number order. */
export interface EntryQuery {
  readonly tenant?: TenantId;
  /** Facets that must have these values. */
  readonly where?: Readonly<Record<string, string>>;
  /** First entry number to consider (or, reversed, the last). */
  readonly from?: number;
  /** Wall milliseconds, inclusive. */
  readonly since?: number;
  /** Wall milliseconds, exclusive. */
  readonly until?: number;
  /** At most this many; 1000 when absent. */
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** A consistent view of the state. */
export interface Reader {
  get<T>(table: Table<T>, tenant: TenantId, key: string): T | undefined;
  /** Rows of one tenant, or of all when `tenant` is undefined. */
  list<T>(table: Table<T>, tenant: TenantId | undefined, query?: RowQuery): Row<T>[];
  /**
   * Every row of one tenant, or of all, perhaps only those with a value of an index; one by one, however many,
   * in no order. Nothing of the table may be changed before the last.
   */
  scan<T>(
    table: Table<T>,
    tenant: TenantId | undefined,
    index?: RowQuery['index'],
  ): Iterable<Row<T>>;
  /** Number of entries. */
  length(sequence: Sequence): number;
  entry(sequence: Sequence, index: number): Entry | undefined;
  entryById(sequence: Sequence, id: string): Entry | undefined;
  entries(sequence: Sequence, query?: EntryQuery): Entry[];
  /** Of `count` entries from number `from` on the bytes alone; fewer where there are fewer. */
  bytes(sequence: Sequence, from: number, count: number): Uint8Array[];
}

/** Changes inside one commit. Everything is synchronous: a transaction never waits for anything. */
export interface Tx extends Reader {
  /** @throws WarderError `conflict` when the key exists. */
  insert<T>(table: Table<T>, tenant: TenantId, key: string, value: T): void;
  put<T>(table: Table<T>, tenant: TenantId, key: string, value: T): void;
  /** Whether there was such a row. */
  delete<T>(table: Table<T>, tenant: TenantId, key: string): boolean;
  /** Appends and returns the entry's number. */
  append(sequence: Sequence, tenant: TenantId, entry: NewEntry): number;
  /** Entries are never changed, but can cease to be found by what they were: whether it had that facet. */
  forgetFacet(sequence: Sequence, index: number, facet: string): boolean;
}

/**
 * The durable state of one home.
 *
 * `commit` groups: all work handed in during one turn of the event loop shares one
 * transaction and one fsync; a work function that throws is rolled back alone and
 * its promise rejects with what it threw. When the transaction itself fails every
 * promise of the group rejects with WarderError `unavailable` and nothing is kept.
 */
export interface Store {
  /** Reads outside any transaction. Sees only what has been committed. */
  read<T>(work: (reader: Reader) => T): T;
  /** Resolves after the change is durable (`synchronous=FULL`). */
  commit<T>(work: (tx: Tx) => T): Promise<T>;
  /** Waits for commits under way, then closes. Later use throws `unavailable`. */
  close(): Promise<void>;
}

/** Texts that stand where erased values stood, one for each. */
export interface Traces {
  /** What stands before each. */
  readonly after: string;
  /** All of one length, ASCII. */
  readonly texts: ReadonlySet<string>;
}

/** A store on files, in which what was deleted could be read on. */
export interface Scrubbing {
  /**
   * Makes what was deleted unreadable in the files, and looks whether it is.
   *
   * @returns files beside the store, backups, in which traces are left.
   * @throws WarderError `unavailable` when they are left in the store itself.
   */
  scrub(traces: Traces): Promise<readonly string[]>;
}

/** Whether a store has files to scrub. */
export function isScrubbing(store: Store): store is Store & Scrubbing {
  return 'scrub' in store && typeof store.scrub === 'function';
}
