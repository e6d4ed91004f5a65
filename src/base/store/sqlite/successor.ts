// A database that takes another one's place: everything the other has but what is named. The other is only read.

import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { WarderError } from '../../errors/errors.ts';
import type { Sequence, Table } from '../store.ts';
import { sequenceName, tableName } from './schema.ts';

/** What a successor does without. */
export interface LeftOut {
  /** Whole tables; with a prefix only the rows whose keys begin with it. */
  readonly tables: readonly { readonly table: Table<unknown>; readonly keyPrefix?: string }[];
  /** They begin anew. */
  readonly sequences: readonly Sequence[];
}

/**
 * Writes the successor of the database at `path`, durable, where nobody looks for it yet.
 *
 * @param target a half-made one of an earlier try is replaced.
 * @throws WarderError `unavailable` when the one cannot be read or the other not be written.
 */
export function makeSuccessor(path: string, target: string, leftOut: LeftOut): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(target + suffix, { force: true });
  try {
    closeSync(openSync(target, 'wx', 0o600));
    const from = new DatabaseSync(path, { readOnly: true });
    try {
      from.prepare('VACUUM INTO ?').run(target);
    } finally {
      from.close();
    }
    const db = new DatabaseSync(target);
    try {
      db.exec('PRAGMA secure_delete = ON; BEGIN EXCLUSIVE');
      for (const { name } of leftOut.sequences) db.exec(`DELETE FROM "${sequenceName(name)}"`);
      for (const { table, keyPrefix = '' } of leftOut.tables) {
        db.prepare(`DELETE FROM "${tableName(table.name)}" WHERE substr(key, 1, ?) = ?`).run(
          keyPrefix.length,
          keyPrefix,
        );
      }
      db.exec('COMMIT; VACUUM');
    } finally {
      db.close();
    }
    const file = openSync(target, 'r');
    fsyncSync(file);
    closeSync(file);
  } catch (cause) {
    throw new WarderError('unavailable', `cannot write \`${target}\``, {
      cause,
      hint: 'nothing was changed: make room, and try again',
    });
  }
}
