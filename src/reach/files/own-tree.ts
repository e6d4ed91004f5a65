// Warder's own home, sockets and install tree, known by device and inode: out of reach whatever was
// granted and by whatever path, bind mount or hard link it is met.

import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FilesRefusal } from './refusal.ts';

/** What no grant reaches. */
export interface OwnTree {
  /** @throws FilesRefusal `denied` when the inode is one of warder's own. */
  refuse(stats: BigIntStats, path: string): void;
}

/** Files looked at for a hard link; in a larger tree every hard-linked file is refused. */
const MAX_SCANNED = 5000;
/** How long a scan, and a look at the paths themselves, is believed; milliseconds. */
const SCAN_AGE = 2000;
const ROOTS_AGE = 100;

/**
 * @param paths directories and files; one that does not exist yet is denied from when it does.
 * @param monotonic milliseconds.
 */
export function createOwnTree(paths: readonly string[], monotonic: () => number): OwnTree {
  return new Own(paths, monotonic);
}

class Own implements OwnTree {
  readonly #paths: readonly string[];
  readonly #monotonic: () => number;
  /** Inodes the paths have had since the start: one that was moved away stays denied. */
  readonly #roots = new Set<string>();
  #files: ReadonlySet<string> | 'too-many' = new Set();
  #scannedAt = -Infinity;
  #rootsAt = -Infinity;

  constructor(paths: readonly string[], monotonic: () => number) {
    this.#paths = paths;
    this.#monotonic = monotonic;
    this.#readRoots();
  }

  refuse(stats: BigIntStats, path: string): void {
    if (this.#holds(stats)) {
      throw new FilesRefusal('denied', `\`${path}\` is warder's own and is given to no tool`);
    }
  }

  #holds(stats: BigIntStats): boolean {
    this.#readRoots();
    if (this.#roots.has(identity(stats))) return true;
    // A file inside the tree is met either through its directory, or by another name of its own.
    if (!stats.isFile() || stats.nlink === 1n) return false;
    const files = this.#scan();
    return files === 'too-many' || files.has(identity(stats));
  }

  #readRoots(): void {
    const now = this.#monotonic();
    if (now - this.#rootsAt < ROOTS_AGE) return;
    this.#rootsAt = now;
    for (const path of this.#paths) {
      const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats !== undefined) this.#roots.add(identity(stats));
    }
  }

  #scan(): ReadonlySet<string> | 'too-many' {
    const now = this.#monotonic();
    if (now - this.#scannedAt < SCAN_AGE) return this.#files;
    this.#files = scan(this.#paths);
    this.#scannedAt = now;
    return this.#files;
  }
}

function identity({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** Identities of the files below `paths`. Packages of others (`node_modules`) hold no secrets of ours. */
function scan(paths: readonly string[]): ReadonlySet<string> | 'too-many' {
  const found = new Set<string>();
  const waiting = [...paths];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const stats = statSync(at, { bigint: true, throwIfNoEntry: false });
    if (stats?.isFile() === true) found.add(identity(stats));
    if (stats?.isDirectory() !== true) continue;
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === '.git') continue;
      if (entry.isFile() || entry.isDirectory()) waiting.push(join(at, entry.name));
      if (waiting.length + found.size > MAX_SCANNED) return 'too-many';
    }
  }
  return found;
}
