// What is known of each witness of the log, so that the next proof starts where it stands.

import type { Table } from '../../base/store/store.ts';

/** Tenant `default`, key: the witness's public key in hex. */
export interface WitnessRow {
  /** The log this was about. */
  readonly origin: string;
  /** Leaves of the last head it is known to have seen. */
  readonly size: number;
  /** NumericDate seconds of its last cosignature, by its clock; absent before the first. */
  readonly time?: number;
}

export const witnessTable: Table<WitnessRow> = { name: 'witness', indexes: {} };
export const WITNESS_TENANT = 'default';
