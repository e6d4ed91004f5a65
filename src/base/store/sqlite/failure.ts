// SQLite's errors in warder's words: whatever goes wrong below the interface, the store is unavailable.

import { WarderError } from '../../errors/errors.ts';

/** Remedies by primary SQLite result code. */
const HINTS: Readonly<Record<number, string>> = {
  5: 'another process has the store open: stop it (`warder stop`)',
  8: 'the store is read-only: check owner and mode of the home and its file system',
  10: 'the disk failed a read or write: check the system log before going on',
  11: 'the store is damaged: stop the daemon and restore a backup of `state.db`',
  13: 'the disk is full: make room in the home, then try again',
  14: 'the store cannot be opened: check owner and mode of the home',
  26: 'this is not a SQLite file: stop the daemon and restore a backup of `state.db`',
};

/** Whether this was thrown by SQLite itself. */
export function isSqliteError(thrown: unknown): thrown is Error & { readonly errcode: number } {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number';
}

/** An `unavailable` that keeps the cause and names the remedy; a {@link WarderError} passes unchanged. */
export function storeFailure(doing: string, cause: unknown): WarderError {
  if (cause instanceof WarderError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const hint = isSqliteError(cause) ? HINTS[cause.errcode & 0xff] : undefined;
  return new WarderError('unavailable', `${doing}: ${text}`, {
    cause,
    hint: hint ?? 'see the cause in the daemon log',
  });
}
