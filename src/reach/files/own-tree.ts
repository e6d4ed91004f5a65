// Warder's own home, sockets and install tree, known by device and inode: out of reach whatever was
// granted and by whatever path, bind mount or hard link it is met. Looked up in the daemon, which sees
// them; checked in the broker, from which they are hidden.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Identities, `DEVICE:INODE`. */
export interface OwnInodes {
  /** Directories and files that are denied themselves; one that was moved away stays denied. */
  readonly roots: readonly string[];
  /** Files below them, met by another name; `too-many`: every file with several names is denied. */
  readonly files: readonly string[] | 'too-many';
}

/** Files looked at for a hard link; in a larger tree every hard-linked file is refused. */
const MAX_SCANNED = 5000;
/** How long a scan is believed, milliseconds. */
const SCAN_AGE_MS = 2000;

/** Knows the inodes of some paths, and what they were before. */
export class OwnTree {
  readonly #paths: readonly string[];
  readonly #monotonic: () => number;
  readonly #roots = new Set<string>();
  #files: OwnInodes['files'] = [];
  #scannedAt = -Infinity;
  #inodes: OwnInodes | undefined;

  /**
   * @param paths directories and files; one that does not exist yet is denied from when it does.
   * @param monotonic milliseconds.
   */
  constructor(paths: readonly string[], monotonic: () => number) {
    this.#paths = paths;
    this.#monotonic = monotonic;
  }

  /** What is denied now; the same object while nothing changed. */
  inodes(): OwnInodes {
    const now = this.#monotonic();
    const isStale = now - this.#scannedAt >= SCAN_AGE_MS;
    const { size } = this.#roots;
    for (const path of this.#paths) {
      const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats !== undefined) this.#roots.add(identityOf(stats));
    }
    if (isStale) {
      this.#scannedAt = now;
      const files = scan(this.#paths);
      if (String(files) !== String(this.#files)) {
        this.#files = files;
        this.#inodes = undefined;
      }
    }
    if (this.#inodes === undefined || this.#roots.size !== size) {
      this.#inodes = { roots: [...this.#roots], files: this.#files };
    }
    return this.#inodes;
  }
}

/** The identity of an inode. */
export function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** Identities of the files below `paths`. Packages of others (`node_modules`) hold no secrets of ours. */
function scan(paths: readonly string[]): readonly string[] | 'too-many' {
  const found = new Set<string>();
  const waiting = [...paths];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const stats = statSync(at, { bigint: true, throwIfNoEntry: false });
    if (stats?.isFile() === true) found.add(identityOf(stats));
    if (stats?.isDirectory() !== true) continue;
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === '.git') continue;
      if (entry.isFile() || entry.isDirectory()) waiting.push(join(at, entry.name));
      if (waiting.length + found.size > MAX_SCANNED) return 'too-many';
    }
  }
  return [...found].sort();
}
