// Files that hold secrets: read only when nobody else could have written or read them, never overwritten.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { encodeHex } from '../../../base/encoding/hex.ts';
import { WarderError } from '../../../base/errors/errors.ts';

/**
 * Reads a small private file. All checks are on the open descriptor, so there is nothing to swap
 * between check and use.
 *
 * @param what for messages, e.g. `key file`.
 * @throws WarderError `unavailable` when it is missing, a link, not a regular file, another user's,
 *   open to group or others, has a second name, or is larger than `most` bytes.
 */
export function readPrivateFile(path: string, what: string, most: number): Uint8Array {
  let descriptor: number;
  try {
    // O_NONBLOCK: a FIFO in its place must not stop the process.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    descriptor = openSync(path, flags);
  } catch (cause) {
    throw cannotOpen(path, what, cause);
  }
  try {
    const stats = fstatSync(descriptor);
    const wrong = fault(stats);
    if (wrong !== undefined) throw refused(path, what, ...wrong);
    if (stats.size > most) throw refused(path, what, 'is too large', 'is it the right file?');
    // One byte more than allowed, in case it grows meanwhile.
    const buffer = new Uint8Array(most + 1);
    let length = 0;
    for (;;) {
      const got = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += got;
      if (got === 0 || length > most) break;
    }
    if (length > most) throw refused(path, what, 'is too large', 'is it the right file?');
    const content = buffer.slice(0, length);
    buffer.fill(0);
    return content;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes a new private file whole or not at all.
 *
 * @throws WarderError `conflict` when the path exists, whatever it is; `unavailable` when it cannot be written.
 */
export function writePrivateFile(path: string, what: string, content: Uint8Array): void {
  const draft = `${path}.new-${encodeHex(randomBytes(8))}`;
  try {
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      let written = 0;
      while (written < content.length) written += writeSync(descriptor, content, written);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    // Unlike rename(), link() never replaces what is there.
    linkSync(draft, path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new WarderError('conflict', `the ${what} \`${path}\` exists already`, {
        cause,
        hint: 'an existing key is never overwritten: choose another path',
      });
    }
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new WarderError('unavailable', `cannot write the ${what} \`${path}\`: ${text}`, {
      cause,
      hint: 'check that the directory exists and is yours, and that the disk has room',
    });
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(dirname(path));
}

function fault(stats: Stats): readonly [what: string, hint: string] | undefined {
  if (!stats.isFile()) return ['is not a regular file', 'name the file itself'];
  if (stats.uid !== process.getuid?.()) return ['belongs to another user', 'take ownership of it'];
  if ((stats.mode & 0o077) !== 0) return ['is open to group or others', 'chmod 600 it'];
  if (stats.nlink !== 1) return ['has a second name (hard link)', 'remove the other name'];
  return undefined;
}

function cannotOpen(path: string, what: string, cause: unknown): WarderError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ELOOP') {
    return refused(path, what, 'is a symbolic link', 'name the file itself');
  }
  const text = cause instanceof Error ? cause.message : String(cause);
  return new WarderError('unavailable', `cannot open the ${what} \`${path}\`: ${text}`, {
    cause,
    hint:
      code === 'ENOENT'
        ? 'create it with `warder init` or `warder keys create`'
        : 'check its owner and mode',
    data: { signer: code === 'ENOENT' ? 'removed' : 'misconfigured' },
  });
}

function refused(path: string, what: string, why: string, hint: string): WarderError {
  return new WarderError('unavailable', `the ${what} \`${path}\` ${why}`, {
    hint,
    data: { signer: 'misconfigured' },
  });
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
