// Refuses what the daemon said is warder's own.

import type { BigIntStats } from 'node:fs';
import { identityOf, type OwnInodes } from '../own-tree.ts';
import { FilesRefusal } from '../refusal.ts';

export class DeniedInodes {
  readonly #roots: ReadonlySet<string>;
  readonly #files: ReadonlySet<string> | 'too-many';

  constructor({ roots, files }: OwnInodes) {
    this.#roots = new Set(roots);
    this.#files = files === 'too-many' ? files : new Set(files);
  }

  /** @throws FilesRefusal `denied` when the inode is one of warder's own. */
  refuse(stats: BigIntStats, path: string): void {
    if (this.#holds(stats)) {
      throw new FilesRefusal('denied', `\`${path}\` is warder's own and is given to no tool`);
    }
  }

  #holds(stats: BigIntStats): boolean {
    if (this.#roots.size > 0 && this.#roots.has(identityOf(stats))) return true;
    // A file inside the tree is met either through its directory, or by another name of its own.
    if (!stats.isFile() || stats.nlink === 1n) return false;
    return this.#files === 'too-many' || this.#files.has(identityOf(stats));
  }
}
