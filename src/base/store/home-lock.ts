// One daemon per home: an exclusive lock on HOME/lock.db that dies with the process that holds it.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../errors/errors.ts';
import { type FileLock, isHeld, lockFile } from './file-lock.ts';

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
  let lock: FileLock;
  try {
    lock = lockFile(join(home, 'lock.db'));
  } catch (cause) {
    throw refusal(home, cause);
  }
  const note = join(home, 'lock.pid');
  writeFileSync(note, `${process.pid}\n`, { mode: 0o600 });
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      rmSync(note, { force: true });
      lock.release();
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

function refusal(home: string, cause: unknown): WarderError {
  if (!isHeld(cause)) {
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
