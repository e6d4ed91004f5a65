// What a store was opened with, and the checks on names, tenants and keys that both stores share.

import { WarderError } from '../errors/errors.ts';
import type { NewEntry, Sequence } from './store.ts';

/** Any {@link Table}, whatever its rows are. */
export interface AnyTable {
  readonly name: string;
  readonly indexes: Readonly<Record<string, (value: never) => string | number | undefined>>;
}

/** What a store is opened with: every table and sequence the process will use. */
export interface Declared {
  readonly tables: readonly AnyTable[];
  readonly sequences: readonly Sequence[];
}

const NAME = /^[a-z][a-z0-9-]{0,39}$/;
const COLUMN = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/;
const TENANT = /^[a-z0-9-]{1,32}$/;

/** Knows the declared tables and sequences by name; refuses all others. */
export class Declarations {
  readonly #tables = new Map<string, readonly string[]>();
  readonly #sequences = new Map<string, readonly string[]>();
  readonly #known = new WeakSet<object>();

  constructor(declared: Declared) {
    for (const table of declared.tables) {
      this.#add(this.#tables, table.name, Object.keys(table.indexes));
      this.#known.add(table);
    }
    for (const sequence of declared.sequences) {
      this.#add(this.#sequences, sequence.name, sequence.facets);
      this.#known.add(sequence);
    }
  }

  /** Table name to sorted index names. */
  get tables(): ReadonlyMap<string, readonly string[]> {
    return this.#tables;
  }

  /** Sequence name to sorted facet names. */
  get sequences(): ReadonlyMap<string, readonly string[]> {
    return this.#sequences;
  }

  /** @throws WarderError `internal` when the store was not opened with this table. */
  table(table: AnyTable): void {
    if (this.#known.has(table)) return;
    if (!same(this.#tables.get(table.name), Object.keys(table.indexes))) undeclared(table.name);
    this.#known.add(table);
  }

  /** @throws WarderError `internal` when the store was not opened with this sequence. */
  sequence(sequence: Sequence): void {
    if (this.#known.has(sequence)) return;
    if (!same(this.#sequences.get(sequence.name), sequence.facets)) undeclared(sequence.name);
    this.#known.add(sequence);
  }

  #add(into: Map<string, readonly string[]>, name: string, columns: readonly string[]): void {
    const good = NAME.test(name) && columns.every((column) => COLUMN.test(column));
    if (!good || this.#tables.has(name) || this.#sequences.has(name)) {
      throw new WarderError('internal', `bad or repeated declaration of \`${name}\``);
    }
    into.set(name, [...columns].sort());
  }
}

/** Whether two lists hold the same names, in any order. */
export function same(left: readonly string[] | undefined, right: readonly string[]): boolean {
  const sorted = [...right].sort();
  return left?.length === sorted.length && left.every((name, at) => name === sorted[at]);
}

/** @throws WarderError `usage` for a tenant that is not `^[a-z0-9-]{1,32}$`. */
export function checkTenant(tenant: string): void {
  if (!TENANT.test(tenant)) throw new WarderError('usage', 'a tenant must match ^[a-z0-9-]{1,32}$');
}

/**
 * Lone surrogates would all become U+FFFD in UTF-8, so two keys could meet.
 *
 * @throws WarderError `usage`.
 */
export function checkKey(key: string): void {
  if (typeof key !== 'string' || !key.isWellFormed()) {
    throw new WarderError('usage', 'a key must be a string of whole characters');
  }
}

/** @throws WarderError `usage` for an entry with a bad id, facet or time. */
export function checkEntry(sequence: Sequence, entry: NewEntry): void {
  checkKey(entry.id);
  if (!Number.isSafeInteger(entry.time) || entry.time < 0) {
    throw new WarderError('usage', 'the time of an entry must be whole milliseconds');
  }
  for (const name of Object.keys(entry.facets)) checkFacet(sequence, name);
}

/** @throws WarderError `usage` when the sequence has no such facet. */
export function checkFacet(sequence: Sequence, name: string): void {
  if (!sequence.facets.includes(name)) {
    throw new WarderError('usage', `\`${sequence.name}\` entries have no facet \`${name}\``);
  }
}

/** The value of one index for a row, or null to leave it out. */
export function indexValue(value: string | number | undefined): string | number | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return value.toWellFormed();
  if (Number.isFinite(value)) return value;
  throw new WarderError('internal', 'an index value must be a string or a finite number');
}

/** The smallest string after every string that starts with `prefix`, if there is one. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  points.push(last === 0xd7ff ? 0xe000 : last + 1);
  return String.fromCodePoint(...points);
}

function undeclared(name: string): never {
  throw new WarderError('internal', `the store was not opened with \`${name}\` as used here`);
}
