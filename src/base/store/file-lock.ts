// An exclusive lock that dies with the process that holds it, whatever way it ends.

import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** A connection that nobody refers to is closed by the garbage collector, and the lock with it. */
const holding = new Set<DatabaseSync>();

/** A held lock. */
export interface FileLock {
  /** Again changes nothing. */
  release(): void;
}

/**
 * Takes the lock on a file made for that alone, or throws at once; see {@link isHeld}. Holds against other
 * processes and against this one.
 */
export function lockFile(path: string): FileLock {
  makeFile(path);
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    throw error;
  }
  holding.add(db);
  return {
    release: () => {
      if (!db.isOpen) return;
      holding.delete(db);
      db.close();
    },
  };
}

/** Whether {@link lockFile} threw because the lock is held. */
export function isHeld(cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && cause.errcode === 5;
}

/**
 * Makes the file private before SQLite opens it. An existing file must not be opened here:
 * closing any descriptor of it would drop the POSIX locks this process already holds.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
