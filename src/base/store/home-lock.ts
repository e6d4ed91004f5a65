// One daemon per home: an exclusive lock on HOME/lock.db that dies with the process that holds it.

import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { WarderError } from '../errors/errors.ts';

/** A connection that nobody refers to is closed by the garbage collector, and the lock with it. */
const holding = new Set<DatabaseSync>();

/** A held lock. */
export interface HomeLock {
  release(): void;
}

/**
 * Takes the lock of a home, or refuses at once.
 *
 * @throws WarderError `unavailable` when another process holds it, naming the home and, if it
 *   left word, the process; `data.held` tells that from a lock that could not be tried.
 */
export function lockHome(home: string): HomeLock {
  const path = join(home, 'lock.db');
  let db: DatabaseSync | undefined;
  try {
    makeFile(path);
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db?.close();
    throw refusal(home, cause);
  }
  const held = db;
  holding.add(held);
  const note = join(home, 'lock.pid');
  writeFileSync(note, `${process.pid}\n`, { mode: 0o600 });
  return {
    release: () => {
      if (!held.isOpen) return;
      rmSync(note, { force: true });
      holding.delete(held);
      held.close();
    },
  };
}

/** The process id the holder of a home left word of; only a hint, never proof that it lives. */
export function lockHolder(home: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(home, 'lock.pid'), 'latin1').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
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

function refusal(home: string, cause: unknown): WarderError {
  const busy = cause instanceof Error && 'errcode' in cause && cause.errcode === 5;
  if (!busy) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return new WarderError('unavailable', `cannot lock the home \`${home}\`: ${text}`, {
      cause,
      hint: 'check that the home exists and that you own it',
      data: { held: false },
    });
  }
  const pid = lockHolder(home);
  return new WarderError(
    'unavailable',
    `another daemon holds \`${home}\`${pid === undefined ? '' : ` (process ${pid})`}`,
    {
      cause,
      hint: 'use that one, or end it with `warder stop`',
      data: { held: true, ...(pid === undefined ? {} : { pid }) },
    },
  );
}
