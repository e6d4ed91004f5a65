// wasi:filesystem/types directory-entry-stream: a listing as it was when it was asked for.

import type { Entry } from '../files/file-tree.ts';
import { typeOf } from './file-facts.ts';
import type { OpenThings } from './open-things.ts';

export class DirectoryEntryStream {
  readonly #things: OpenThings;
  readonly #entries: readonly Entry[];
  #next = 0;
  #dropped = false;

  private constructor(things: OpenThings, entries: readonly Entry[]) {
    this.#things = things;
    this.#entries = entries;
  }

  static make(things: OpenThings, entries: readonly Entry[]): DirectoryEntryStream {
    return new DirectoryEntryStream(things, entries);
  }

  readDirectoryEntry(): { readonly type: string; readonly name: string } | undefined {
    const entry = this.#entries[this.#next];
    if (entry === undefined) return undefined;
    this.#next += 1;
    return { type: typeOf(entry.kind), name: entry.name };
  }

  [Symbol.dispose](): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#things.giveBack();
  }
}
