// The files of a log in a directory that came from anywhere: read within bounds, believed in nothing.

import { open } from 'node:fs/promises';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { parseHead } from '../../trust/verify/checkpoint.ts';
import type { LogReader } from '../../trust/verify/log.ts';
import { HASH_SIZE } from '../../trust/verify/merkle.ts';
import { parseNote } from '../../trust/verify/note.ts';
import { TILE_WIDTH } from '../../trust/verify/tile-tree.ts';
import { bundlePath, MAX_LEAF_BYTES, tilePath } from '../../trust/verify/tiles.ts';

/** A log as its files say. */
export interface LogDirectory {
  /** The signed note, as it is. */
  readonly checkpoint: string;
  /** Leaves, as the note says, unverified. */
  readonly size: number;
  readonly reader: LogReader;
}

const MAX_NOTE = 256 * 1024;
const MAX_BUNDLE = TILE_WIDTH * (2 + MAX_LEAF_BYTES);

/**
 * @param root holds `checkpoint` and `tile/`, as C2SP tlog-tiles lays them out.
 * @throws WarderError `usage` when there is no checkpoint; `malformed` when it does not parse.
 */
export function openLogDirectory(root: string): LogDirectory {
  const checkpoint = readCheckpoint(join(root, 'checkpoint'));
  const { size } = parseHead(parseNote(checkpoint).text);
  return {
    checkpoint,
    size,
    reader: {
      // A partial file is gone once the full one is there: its beginning says the same.
      bundle: async (index, width) =>
        (await readBounded(join(root, bundlePath(index, width)), MAX_BUNDLE)) ??
        cutBundle(await needed(root, bundlePath(index), MAX_BUNDLE), width),
      tile: async (level, index, width) =>
        (await readBounded(join(root, tilePath(level, index, width)), width * HASH_SIZE)) ??
        (await needed(root, tilePath(level, index), TILE_WIDTH * HASH_SIZE)).subarray(
          0,
          width * HASH_SIZE,
        ),
    },
  };
}

function readCheckpoint(path: string): string {
  try {
    const { size } = statSync(path);
    if (size <= MAX_NOTE) return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WarderError('usage', `cannot read \`${path}\``, {
      cause,
      hint: 'name the directory of a log: it holds `checkpoint` and `tile`',
    });
  }
  throw new WarderError('malformed', 'the checkpoint is too long');
}

async function needed(root: string, path: string, most: number): Promise<Uint8Array> {
  const bytes = await readBounded(join(root, path), most);
  if (bytes !== undefined) return bytes;
  throw new WarderError('verification-failed', `the log lacks \`${path}\``, {
    hint: 'copy the checkpoint first and `tile` after it, then verify again',
  });
}

/** The first `width` leaves of a bundle of more. */
function cutBundle(bytes: Uint8Array, width: number): Uint8Array {
  let at = 0;
  for (let leaf = 0; leaf < width; leaf += 1) {
    at += 2 + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  }
  return bytes.subarray(0, at);
}

/** Undefined when there is no such file. @throws WarderError `malformed` for a longer one. */
async function readBounded(path: string, most: number): Promise<Uint8Array | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new WarderError('usage', `cannot read \`${path}\``, { cause: error });
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size > most) throw new WarderError('malformed', `\`${path}\` is longer than it may be`);
    const bytes = Buffer.alloc(size);
    let read = 0;
    while (read < size) {
      const { bytesRead } = await file.read(bytes, read, size - read, read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    return bytes.subarray(0, read);
  } finally {
    await file.close();
  }
}
