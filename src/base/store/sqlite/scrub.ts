// Whether erased values can still be read from the files of a store, and folding its log into it.

import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { WarderError } from '../../errors/errors.ts';
import type { Traces } from '../store.ts';

/** Files in which traces stand. */
export interface FoundTraces {
  /** The database and its log. */
  readonly own: readonly string[];
  /** Copies made before migrations. */
  readonly backups: readonly string[];
}

const CHUNK = 4 * 1024 * 1024;

/**
 * Writes everything of the write-ahead log into the database and cuts the log to nothing: older versions of
 * pages stand there.
 *
 * @throws WarderError `unavailable` while another process reads the database.
 */
export function foldLog(db: DatabaseSync): void {
  const row = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  if (row?.['busy'] === 0) return;
  throw new WarderError('unavailable', 'the write-ahead log of the store is in use', {
    hint: 'close whatever else has `state.db` open, then erase once more',
  });
}

/** Looks through the files of a database. */
export async function findTraces(path: string, traces: Traces): Promise<FoundTraces> {
  const name = basename(path);
  const names = await readdir(dirname(path));
  const search = async (files: readonly string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const file of files) if (await stands(file, traces)) found.push(file);
    return found;
  };
  return {
    own: await search([path, `${path}-wal`]),
    backups: await search(
      names
        .filter((other) => other.startsWith(`${name}.`) && other.endsWith('.backup'))
        .map((other) => join(dirname(path), other)),
    ),
  };
}

async function stands(path: string, { after, texts }: Traces): Promise<boolean> {
  const [first] = texts;
  if (first === undefined) return false;
  const mark = Buffer.from(after);
  const overlap = mark.length + first.length;
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    const bytes = Buffer.alloc(CHUNK);
    for (let at = 0; ; at += CHUNK - overlap) {
      const { bytesRead } = await file.read(bytes, 0, CHUNK, at);
      const read = bytes.subarray(0, bytesRead);
      for (let hit = read.indexOf(mark); hit >= 0; hit = read.indexOf(mark, hit + 1)) {
        const from = hit + mark.length;
        if (texts.has(read.toString('latin1', from, from + first.length))) return true;
      }
      if (bytesRead < CHUNK) return false;
    }
  } finally {
    await file.close();
  }
}
