// The door of the file operations: what a guest may ask, what it gets, and the ceilings.

import { type Clock, systemClock } from '../../base/clock/clock.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Permit } from '../../decide/policy/permit.ts';
import { canWalk } from './descriptor-walk.ts';
import { GuestFiles } from './guest-files.ts';
import { createOwnTree } from './own-tree.ts';
import type { FilesRefusalCode } from './refusal.ts';

/** The file operations of guests. Each throws TypeError when `permit` is not a permit of this process. */
export interface Files {
  /** The guest directories this call may read. No effect: the permit says it already. */
  roots(permit: Permit): FilesResult;
  stat(permit: Permit, path: string): Promise<FilesResult>;
  /** Sorted by code point. Symbolic links, special files and names no guest path can hold are left out. */
  list(permit: Permit, path: string): Promise<FilesResult>;
  /** At most `length` bytes from `offset`; fewer only at the end of the file. */
  read(permit: Permit, path: string, offset: number, length: number): Promise<FilesResult>;
  /** Replaces or creates the whole file; readers see the old bytes or the new. */
  write(permit: Permit, path: string, data: Uint8Array): Promise<FilesResult>;
}

export interface FilesResult {
  readonly reply: FilesReply;
  /** Absent for `roots`. */
  readonly effect?: FilesEffect;
}

export type FilesReply =
  | {
      readonly ok: true;
      readonly value:
        | { readonly roots: readonly string[] }
        | FileStat
        | { readonly entries: readonly FileEntry[] }
        | Readonly<Record<string, never>>;
      readonly bytes?: Uint8Array;
    }
  | { readonly ok: false; readonly code: FilesRefusalCode; readonly message: string };

export interface FileStat {
  readonly kind: 'file' | 'directory';
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Wall milliseconds. */
  readonly modified: number;
}

export interface FileEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
}

/** For the receipt. `sent`: the write failed when its bytes were in place, and may not last. */
export interface FilesEffect {
  readonly kind: 'file-read' | 'file-write';
  readonly state: 'refused' | 'not-sent' | 'sent' | 'answered';
  readonly count: 1;
  /** The guest path. */
  readonly target: string;
  readonly bytes: number;
}

/** Ceilings of one operation, and of one call's writes together. */
export interface FilesLimits {
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly writtenBytes: number;
  /** Entries of a directory that can still be listed. */
  readonly entries: number;
}

export const filesLimits: FilesLimits = Object.freeze({
  readBytes: 1 << 20,
  writeBytes: 16 << 20,
  writtenBytes: 64 << 20,
  entries: 10_000,
});

export interface FilesOptions {
  /** Warder's own home, sockets, install tree: directories and files that no grant reaches. */
  readonly deny: readonly string[];
  readonly clock?: Clock;
  readonly limits?: FilesLimits;
}

/** @throws WarderError `unavailable` where descriptors cannot be walked: not Linux, or no /proc. */
export function createFiles(options: FilesOptions): Files {
  if (!canWalk()) {
    throw new WarderError('unavailable', 'files cannot be opened safely on this system', {
      hint: 'run warder on Linux with /proc mounted',
    });
  }
  const { deny, clock = systemClock, limits = filesLimits } = options;
  return new GuestFiles(
    createOwnTree(deny, () => clock.monotonic()),
    clock,
    limits,
  );
}
