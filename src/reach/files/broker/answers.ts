// What operations answer, and the refusals more than one of them makes.

import type { BigIntStats } from 'node:fs';
import type { FilesEffect, FileStat, FileValue } from '../messages.ts';
import { FilesRefusal } from '../refusal.ts';

/** An operation that was done. */
export interface Done {
  readonly value?: FileValue;
  readonly bytes?: Uint8Array;
  /** What of it is worth a receipt. */
  readonly effect?: Pick<FilesEffect, 'kind' | 'bytes'>;
}

export const DONE: Done = {};
export const CHANGED: Done = { effect: { kind: 'file-write', bytes: 0 } };

export function read(bytes: number): NonNullable<Done['effect']> {
  return { kind: 'file-read', bytes };
}

/** @param bytes that were put in place; undefined when nothing was. */
export function putInPlace(bytes: number | undefined): Done {
  return bytes === undefined ? DONE : { effect: { kind: 'file-write', bytes } };
}

export function factsOf(stats: BigIntStats): FileStat {
  const directory = stats.isDirectory();
  return {
    kind: directory ? 'directory' : 'file',
    size: directory ? 0 : Number(stats.size),
    modified: Math.max(0, Number(stats.mtimeMs)),
    times: {
      accessed: String(stats.atimeNs),
      modified: String(stats.mtimeNs),
      changed: String(stats.ctimeNs),
    },
    inode: String(stats.ino),
    links: Number(stats.nlink),
  };
}

export function isDirectory(path: string): FilesRefusal {
  return new FilesRefusal('invalid', `\`${path}\` is a directory`, 'is-directory');
}

export function isFile(path: string): FilesRefusal {
  return new FilesRefusal('invalid', `\`${path}\` is not a directory`, 'not-directory');
}

export function exists(path: string): FilesRefusal {
  return new FilesRefusal('invalid', `\`${path}\` exists`, 'exists');
}

export function severalNames(path: string): FilesRefusal {
  return new FilesRefusal('denied', `\`${path}\` has several names (hard links)`);
}
