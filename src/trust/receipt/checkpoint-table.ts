// The last published checkpoint, kept with the leaves: the file under HOME/log can be made again from it.

import type { Table } from '../../base/store/store.ts';

/** One row: tenant `default`, key `last`. */
export interface CheckpointRow {
  readonly note: string;
}

export const checkpointTable: Table<CheckpointRow> = { name: 'checkpoint', indexes: {} };
export const CHECKPOINT_TENANT = 'default';
export const CHECKPOINT_KEY = 'last';
