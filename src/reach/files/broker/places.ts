// From guest paths to held directories: one call's granted directories stay held while it runs.

import type { DirectoryGrant } from '../../../catalog/installation.ts';
import type { FileTerms } from '../messages.ts';
import { identityOf } from '../own-tree.ts';
import { close, type Descend, type Held, look, openRoot } from './descriptor-walk.ts';
import { type GuestPlace, locate } from './guest-path.ts';
import type { DeniedInodes } from './own-inodes.ts';
import { sweepTemporaries } from './sweep.ts';

/** What all calls of a process share. */
export interface FilesGround {
  readonly descend: Descend;
  /** Denied inodes, as last told. */
  readonly own: () => DeniedInodes;
  /** Id of this process, in the names of its temporary files. */
  readonly maker: string;
  /** Brokers that are known to have ended. */
  readonly dead: ReadonlySet<string>;
  /** Wall milliseconds. */
  readonly now: () => number;
}

export class Places {
  readonly terms: FileTerms;
  readonly ground: FilesGround;
  readonly #roots = new Map<string, Held>();
  readonly #swept = new Set<string>();

  constructor(terms: FileTerms, ground: FilesGround) {
    this.terms = terms;
    this.ground = ground;
  }

  /** @throws FilesRefusal `invalid`, or `denied` outside of what the call may reach. */
  of(kind: 'read' | 'write', path: string): GuestPlace {
    const grants: readonly DirectoryGrant[] = this.terms[kind];
    const remedy = `the operator can allow it with \`warder tool grant ${this.terms.installation} --allow-${kind} HOST_DIR:GUEST_DIR\``;
    return locate(path, grants, remedy);
  }

  /** The granted directory, held until the call ends. */
  root({ grant, path }: GuestPlace): Held {
    let root = this.#roots.get(grant.host);
    if (root === undefined) {
      root = openRoot(grant.host, path, this.ground.own());
      this.#roots.set(grant.host, root);
    }
    return root;
  }

  /** Acts on the directory that `names` lead to. */
  within<T>(place: GuestPlace, names: readonly string[], act: (directory: Held) => T): T {
    const root = this.root(place);
    if (names.length === 0) return act(root);
    const directory = this.ground.descend(root, names, place.path, this.ground.own());
    try {
      return act(directory);
    } finally {
      close(directory);
    }
  }

  /** Acts on a name in its directory; undefined for the granted directory itself. */
  named<T>(place: GuestPlace, act: (directory: Held, name: string) => T): T | undefined {
    const name = place.names.at(-1);
    if (name === undefined) return undefined;
    return this.within(place, place.names.slice(0, -1), (directory) => act(directory, name));
  }

  /** Acts on what a name holds, which is released after. */
  looked<T>(directory: Held, name: string, path: string, act: (held: Held) => T): T {
    const held = look(directory, name, path, this.ground.own());
    try {
      return act(held);
    } finally {
      close(held);
    }
  }

  /** Takes away what killed brokers left in a directory; once per call. */
  sweep(directory: Held): void {
    const identity = identityOf(directory.stats);
    if (this.#swept.has(identity)) return;
    this.#swept.add(identity);
    sweepTemporaries(directory, this.ground.dead, this.ground.now());
  }

  end(): void {
    for (const root of this.#roots.values()) close(root);
    this.#roots.clear();
  }
}
