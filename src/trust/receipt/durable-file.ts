// Writing a file so that after a power cut it is the old one or the new one, whole.

import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes beside the file and renames; file and directory are synced. One writer per path: a leftover
 * of a killed writer is overwritten.
 */
export async function writeDurably(path: string, bytes: Uint8Array | string): Promise<void> {
  const beside = `${path}.new`;
  await writeSynced(beside, bytes);
  await rename(beside, path);
  await syncDirectory(dirname(path));
}

/**
 * Makes a file that is not there yet, whole or not at all, and its directory; one that is there stays.
 *
 * @returns whether it was made.
 */
export async function createDurably(path: string, bytes: Uint8Array | string): Promise<boolean> {
  const directory = dirname(path);
  await makeDirectoryDurably(directory);
  const beside = `${path}.new`;
  await writeSynced(beside, bytes);
  const made = await link(beside, path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  await rm(beside, { force: true });
  // Even when it was there: whoever made it may have been killed before this.
  await syncDirectory(directory);
  return made;
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

/**
 * Makes a directory and everything above it that is missing, each synced into its parent. One that is there is
 * synced too: whoever made it may have been killed before that.
 */
export async function makeDirectoryDurably(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  for (let made = path; made.length >= (first ?? path).length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** Makes durable what was made, renamed or removed in a directory. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
