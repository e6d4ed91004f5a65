// Refuses what the daemon said is warder's own.

import type { BigIntStats } from 'node:fs';
import { bornIdentityOf, identityOf, type OwnInodes } from '../own-tree.ts';
import { FilesRefusal } from '../refusal.ts';

export class DeniedInodes {
  readonly #denied: ReadonlySet<string>;
  readonly #above: ReadonlySet<string>;
  /** Whether inodes of warder's own may be missing from those that are known. */
  readonly #incomplete: boolean;

  constructor({ roots, above, below }: OwnInodes) {
    this.#incomplete = below === 'too-many';
    this.#denied = new Set(below === 'too-many' ? roots : [...roots, ...below]);
    this.#above = new Set(above);
  }

  /** @throws FilesRefusal `denied` when the inode is one of warder's own. */
  refuse(stats: BigIntStats, path: string): void {
    if (this.#denied.has(identityOf(stats)) || this.#denied.has(bornIdentityOf(stats))) {
      throw isOwn(path);
    }
    // One of the unknown ones is met through its directory, or by another name of its own.
    if (this.#incomplete && stats.isFile() && stats.nlink > 1n) throw isOwn(path);
  }

  /** @throws FilesRefusal `denied` when a directory cannot be moved without warder's own. */
  refuseMove(stats: BigIntStats, path: string): void {
    if (this.#above.has(identityOf(stats))) throw isOwn(path);
  }
}

function isOwn(path: string): FilesRefusal {
  return new FilesRefusal('denied', `\`${path}\` is warder's own and is given to no tool`);
}
