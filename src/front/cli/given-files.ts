// Files that a command line names: read whole, up to a bound. Whoever made them may mean no good.

import { closeSync, openSync, readSync } from 'node:fs';
import { WarderError } from '../../base/errors/errors.ts';

const STDIN = 0;
/** The largest there is a use for: a tool's answer that was opened to a reader. */
const MAX_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

export interface GivenFile {
  /** Most bytes; 64 MiB when absent. */
  readonly most?: number;
  /** What to do when it cannot be read. */
  readonly hint?: string;
}

/**
 * Bytes of a file; of stdin for `-`.
 *
 * @throws WarderError `usage` when it cannot be read or is too long.
 */
export function readGivenFile(path: string, given: GivenFile = {}): Buffer {
  const { most = MAX_BYTES, hint = 'name a file' } = given;
  let bytes: Buffer;
  try {
    bytes = path === '-' ? readUpTo(STDIN, most + 1) : readOpened(path, most + 1);
  } catch (cause) {
    throw new WarderError('usage', `cannot read \`${path}\``, { cause, hint });
  }
  if (bytes.length <= most) return bytes;
  throw new WarderError('usage', `\`${path}\` is longer than ${most} bytes`, {
    hint: 'is it the right file?',
  });
}

/** {@link readGivenFile} as text. */
export function readGivenText(path: string, given?: GivenFile): string {
  return readGivenFile(path, given).toString('utf8');
}

function readOpened(path: string, most: number): Buffer {
  const file = openSync(path, 'r');
  try {
    return readUpTo(file, most);
  } finally {
    closeSync(file);
  }
}

/** Pipes have no size that could be asked first. */
function readUpTo(file: number, most: number): Buffer {
  const chunks: Buffer[] = [];
  for (let left = most; left > 0;) {
    const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
    const count = readSync(file, chunk);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    left -= count;
  }
  return Buffer.concat(chunks);
}
