// Writing a file so that after a power cut it is the old one or the new one, whole.

import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';

/** Remedies by what the kernel said. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full: make room, then try again'],
  ['EDQUOT', 'the disk quota is used up: make room, then try again'],
  ['EACCES', 'check owner and mode of the directory'],
  ['EROFS', 'the file system is read-only: check the system log'],
  ['EIO', 'the disk failed: check the system log before going on'],
]);

/**
 * Writes beside the file and renames; file and directory are synced. One writer per path: a leftover
 * of a killed writer is overwritten.
 *
 * @throws WarderError `unavailable` when it cannot be written; the file is then the old one or the new one.
 */
export async function writeDurably(path: string, bytes: Uint8Array | string): Promise<void> {
  await replaceFile(path, bytes);
  await syncDirectory(dirname(path));
}

/**
 * The first half of {@link writeDurably}: after a power cut it is the old one or the new one, and which is known
 * only once the directory is synced.
 *
 * @throws WarderError `unavailable` when it cannot be written.
 */
export async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const beside = `${path}.new`;
  await orUnavailable(path, async () => {
    await writeSynced(beside, bytes);
    await rename(beside, path);
  });
}

/**
 * Makes a file that is not there yet, whole or not at all, and its directory; one that is there stays.
 *
 * @returns whether it was made.
 * @throws WarderError `unavailable` when it cannot be made.
 */
export async function createDurably(path: string, bytes: Uint8Array | string): Promise<boolean> {
  const directory = dirname(path);
  await makeDirectoryDurably(directory);
  const beside = `${path}.new`;
  const made = await orUnavailable(path, async () => {
    await writeSynced(beside, bytes);
    const linked = await link(beside, path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    await rm(beside, { force: true });
    return linked;
  });
  // Even when it was there: whoever made it may have been killed before this.
  await syncDirectory(directory);
  return made;
}

/**
 * Makes a directory and everything above it that is missing, each synced into its parent. One that is there is
 * synced too: whoever made it may have been killed before that.
 *
 * @throws WarderError `unavailable` when it cannot be made.
 */
export async function makeDirectoryDurably(path: string): Promise<void> {
  const first = await orUnavailable(path, () => mkdir(path, { recursive: true, mode: 0o700 }));
  for (let made = path; made.length >= (first ?? path).length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/**
 * Makes durable what was made, renamed or removed in a directory.
 *
 * @throws WarderError `unavailable` when that is not certain.
 */
export function syncDirectory(path: string): Promise<void> {
  return orUnavailable(path, async () => {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  });
}

async function writeSynced(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function orUnavailable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    throw new WarderError('unavailable', `\`${path}\` cannot be written: ${message}`, {
      cause,
      hint: HINTS.get(code) ?? 'check the directory and its file system',
    });
  }
}
