// Puts a whole file in place: written under a random name in the held directory, made durable, renamed.

import { opendirSync } from 'node:fs';
import { lstat, open, rename, unlink } from 'node:fs/promises';
import { isTemporaryName, temporaryName } from './temporary-name.ts';
import { type Held, pathOf } from './descriptor-walk.ts';
import { errnoOf } from './refusal.ts';

/** How far a replacement got when it failed. */
export type Reached = 'nothing' | 'in-place';

/** A replacement that failed, and how far it had got. */
export class ReplaceFailure extends Error {
  override readonly name = 'ReplaceFailure';
  readonly reached: Reached;

  constructor(reached: Reached, cause: unknown) {
    super('the file could not be replaced', { cause });
    this.reached = reached;
  }
}

/**
 * Replaces or creates `name` in a held directory. The directory stays held by the caller until this settles.
 *
 * @param existing what the name held: its mode and owner are kept.
 * @throws ReplaceFailure
 */
export async function replaceFile(
  directory: Held,
  name: string,
  data: Uint8Array,
  existing: Held | undefined,
): Promise<void> {
  const temporary = pathOf(directory.descriptor, temporaryName());
  try {
    await writeDurably(temporary, data, existing);
    await rename(temporary, pathOf(directory.descriptor, name));
  } catch (thrown) {
    await unlink(temporary).catch(() => undefined);
    throw new ReplaceFailure('nothing', thrown);
  }
  try {
    await syncDirectory(directory);
  } catch (thrown) {
    throw new ReplaceFailure('in-place', thrown);
  }
}

async function writeDurably(
  path: string,
  data: Uint8Array,
  existing: Held | undefined,
): Promise<void> {
  // `wx` is O_CREAT | O_EXCL, which follows no link either. Until the mode of the old file is known
  // to be the new one's, nobody else reads what is written.
  const file = await open(path, 'wx', existing === undefined ? 0o666 : 0o600);
  try {
    if (existing !== undefined) {
      const own = await file.stat();
      const { uid, gid, mode } = existing.stats;
      if (BigInt(own.uid) !== uid || BigInt(own.gid) !== gid) {
        await file.chown(Number(uid), Number(gid));
      }
      await file.chmod(Number(mode) & 0o777);
    }
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(directory: Held): Promise<void> {
  let handle;
  try {
    handle = await open(pathOf(directory.descriptor), 'r');
  } catch (thrown) {
    // A directory may be written and not read; its entry is then as durable as the system makes it.
    if (errnoOf(thrown) === 'EACCES') return;
    throw thrown;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A write takes seconds; what is older was left by a daemon that was killed. */
const STALE_AGE = 3_600_000;
const MAX_SWEPT = 10_000;

/**
 * Removes what killed daemons left in a held directory. Never rejects: it is a courtesy.
 *
 * @param now wall milliseconds.
 */
export async function sweepTemporaries(directory: Held, now: number): Promise<void> {
  try {
    const stale: string[] = [];
    const listing = opendirSync(pathOf(directory.descriptor));
    try {
      for (let seen = 0; seen < MAX_SWEPT; seen += 1) {
        const entry = listing.readSync();
        if (entry === null) break;
        if (isTemporaryName(entry.name) && entry.isFile()) stale.push(entry.name);
      }
    } finally {
      listing.closeSync();
    }
    for (const name of stale) {
      const path = pathOf(directory.descriptor, name);
      if (now - (await lstat(path)).mtimeMs > STALE_AGE) await unlink(path);
    }
  } catch {
    // An unreadable directory keeps its leftovers; they stay hidden.
  }
}
