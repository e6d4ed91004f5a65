// Warder's own home, sockets and install tree, known by device and inode: out of reach whatever was
// granted and by whatever path, bind mount or hard link it is met. Looked up in the daemon, which sees
// them; checked in the broker, from which they are hidden.

import { readdirSync, statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { dirname, join } from 'node:path';

/** Identities: `DEVICE:INODE`, with `:BIRTH` where the file system tells when an inode was born. */
export interface OwnInodes {
  /** Directories and files that are denied themselves; one that was moved away stays denied. */
  readonly roots: readonly string[];
  /** Directories above them: moved, they would take warder's along. */
  readonly above: readonly string[];
  /**
   * What is below the secret ones, met by another name or through a mount. `too-many`: every file with
   * several names is denied.
   */
  readonly below: readonly string[] | 'too-many';
}

export interface OwnPaths {
  /** Directories and files; one that does not exist yet is denied from when it does. */
  readonly denied: readonly string[];
  /** Those of them that hold secrets: what is below them is known by its inode as well. */
  readonly secret: readonly string[];
}

/** Inodes kept from below the secret paths. */
const MAX_SCANNED = 20_000;
/** How long a scan is believed, milliseconds. */
const SCAN_AGE_MS = 2000;

/** Knows the inodes of some paths, and what they were before. */
export class OwnTree {
  readonly #paths: OwnPaths;
  readonly #monotonic: () => number;
  readonly #roots = new Set<string>();
  readonly #above = new Set<string>();
  #below: OwnInodes['below'] = [];
  #scannedAt = -Infinity;
  #inodes: OwnInodes | undefined;

  /** @param monotonic milliseconds. */
  constructor(paths: OwnPaths, monotonic: () => number) {
    this.#paths = paths;
    this.#monotonic = monotonic;
  }

  /** What is denied now; the same object while nothing changed. */
  inodes(): OwnInodes {
    const known = this.#roots.size + this.#above.size;
    for (const path of this.#paths.denied) this.#add(path);
    const changed = this.#roots.size + this.#above.size !== known;
    if (this.#rescan() || changed || this.#inodes === undefined) {
      this.#inodes = { roots: [...this.#roots], above: [...this.#above], below: this.#below };
    }
    return this.#inodes;
  }

  #add(path: string): void {
    const identity = identityAt(path);
    if (identity === undefined) return;
    this.#roots.add(identity);
    for (let at = dirname(path); ; at = dirname(at)) {
      const above = identityAt(at);
      if (above !== undefined) this.#above.add(above);
      if (at === dirname(at)) return;
    }
  }

  /** Whether what is below changed since the last scan. */
  #rescan(): boolean {
    const now = this.#monotonic();
    if (now - this.#scannedAt < SCAN_AGE_MS) return false;
    this.#scannedAt = now;
    const below = scan(this.#paths.secret);
    if (String(below) === String(this.#below)) return false;
    this.#below = below;
    return true;
  }
}

/** The identity of an inode, for as long as it is used. */
export function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** The identity of an inode for ever: numbers are given again as soon as they are free. */
export function bornIdentityOf(stats: BigIntStats): string {
  return `${identityOf(stats)}:${stats.birthtimeNs}`;
}

function identityAt(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : identityOf(stats);
}

/** Identities of files and directories below `paths`. */
function scan(paths: readonly string[]): readonly string[] | 'too-many' {
  const found = new Set<string>();
  const telling = devicesThatTellBirths(paths);
  const waiting = [...paths];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const stats = statSync(at, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) continue;
    found.add(telling.has(stats.dev) ? bornIdentityOf(stats) : identityOf(stats));
    if (found.size > MAX_SCANNED) return 'too-many';
    if (!stats.isDirectory()) continue;
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.isFile() || entry.isDirectory()) waiting.push(join(at, entry.name));
    }
  }
  return [...found].sort();
}

/** Where births are not kept Node gives the last change instead: a directory in use then tells no other. */
function devicesThatTellBirths(directories: readonly string[]): ReadonlySet<bigint> {
  const telling = new Set<bigint>();
  for (const path of directories) {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats !== undefined && stats.birthtimeNs < stats.ctimeNs) telling.add(stats.dev);
  }
  return telling;
}
