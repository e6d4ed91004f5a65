// Opening the database file: made whole or not at all, private to its owner, durable settings proven.

import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { WarderError } from '../../errors/errors.ts';
import { storeFailure } from './failure.ts';
import { migrate } from './migrations.ts';

/** Milliseconds to wait for a lock of another process before the store counts as unavailable. */
const BUSY_MS = 2000;

/** Bytes; every SQLite file is a multiple of it. */
const SMALLEST_PAGE = 512;

/**
 * Opens the writing connection at the current schema.
 *
 * A new file is built under another name and linked into place when it is whole, so an
 * empty or half-made `path` is always damage and never taken for a new store.
 */
export function openWriter(path: string, create: boolean): DatabaseSync {
  try {
    if (!existsSync(path)) {
      if (!create) throw missing(path, 'does not exist');
      if (existsSync(`${path}-wal`)) throw missing(path, 'is gone but its `-wal` file is there');
      createFile(path);
    }
    checkSize(path);
    return connect(path);
  } catch (cause) {
    throw storeFailure(`cannot open the store \`${path}\``, cause);
  }
}

/** Opens a connection that sees only committed data and can write nothing. */
export function openReader(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
  db.exec('PRAGMA query_only = ON');
  return db;
}

function connect(path: string): DatabaseSync {
  const db = new DatabaseSync(path, {
    timeout: BUSY_MS,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: false,
    allowExtension: false,
  });
  try {
    const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
    if (mode !== 'wal') {
      throw new WarderError('unavailable', `\`${path}\` cannot be in WAL mode`, {
        hint: 'keep the home on a local file system, writable for its owner',
      });
    }
    db.exec('PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    // What is deleted is overwritten, so that an erased value is not read from free pages.
    db.exec('PRAGMA secure_delete = ON');
    if (db.prepare('PRAGMA synchronous').get()?.['synchronous'] !== 2) {
      throw new WarderError('unavailable', `commits to \`${path}\` would not be durable`);
    }
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function createFile(path: string): void {
  const draft = `${path}.new-${process.pid}`;
  removeDraft(draft);
  closeSync(openSync(draft, 'wx', 0o600));
  try {
    // Closing the last connection folds the WAL into the file and removes it.
    connect(draft).close();
    sync(draft);
    // link() refuses when somebody else was first.
    linkSync(draft, path);
  } finally {
    removeDraft(draft);
  }
  sync(dirname(path));
}

function removeDraft(draft: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(draft + suffix, { force: true });
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * SQLite takes a file shorter than a page for an empty database and would start it anew. (The
 * header is not read here: closing the file would drop POSIX locks this process may hold on it.)
 */
function checkSize(path: string): void {
  const { size } = statSync(path);
  if (size === 0) throw missing(path, 'is empty');
  if (size % SMALLEST_PAGE !== 0) throw missing(path, 'is cut short');
}

function missing(path: string, what: string): WarderError {
  return new WarderError('unavailable', `the store \`${path}\` ${what}`, {
    hint: 'restore a backup of `state.db`; for a home that never held anything, run `warder init`',
  });
}
