// Tables of the real schema for tests of the store.

import type { Declared } from '../../src/base/store/declared.ts';
import type { NewEntry, Sequence, Table } from '../../src/base/store/store.ts';

export interface Lease {
  readonly subject?: string;
  readonly state: string | number;
  readonly uses?: number;
}

/** Tables of the real schema, so that the SQLite store can open them. */
export const leaseTable: Table<Lease> = {
  name: 'lease',
  indexes: {
    subject: (lease) => lease.subject,
    state: (lease) => lease.state,
  },
};

export const openingTable: Table<Record<string, unknown>> = { name: 'opening', indexes: {} };

export const metaTable: Table<{ readonly highTime: number }> = { name: 'meta', indexes: {} };

export const leafSequence: Sequence = {
  name: 'leaf',
  facets: ['type', 'tool', 'outcome', 'principal', 'lease', 'task', 'approval'],
};

export const declared: Declared = {
  tables: [leaseTable, openingTable, metaTable],
  sequences: [leafSequence],
};

/** An entry with the given id. */
export function entry(id: string, more: Partial<NewEntry> = {}): NewEntry {
  return { id, bytes: new TextEncoder().encode(id), facets: {}, time: 1000, ...more };
}
