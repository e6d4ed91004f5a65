// The files one call is writing, by where they will stand; and what of its quotas they took.

import type { BigIntStats } from 'node:fs';
import { identityOf } from '../own-tree.ts';
import { errnoOf, FilesRefusal } from '../refusal.ts';
import { exists, isDirectory, severalNames } from './answers.ts';
import { close, type Held, holdAgain, look, standsBelow } from './descriptor-walk.ts';
import type { GuestPlace } from './guest-path.ts';
import type { Places } from './places.ts';
import { CommitFailure, StagedFile } from './staged-file.ts';

export class StagedFiles {
  readonly #places: Places;
  readonly #files = new Map<string, StagedFile>();
  #removed = 0;
  #writtenBytes = 0;
  #madeFiles = 0;

  constructor(places: Places) {
    this.#places = places;
  }

  /** The file that is being written at a name, if one is. */
  at(directory: Held, name: string): StagedFile | undefined {
    return this.#files.size === 0 ? undefined : this.#files.get(keyOf(directory.stats, name));
  }

  /** Names in a directory that are not in place yet. */
  newNames(directory: Held): readonly string[] {
    const prefix = keyOf(directory.stats, '');
    return [...this.#files]
      .filter(([key, file]) => key.startsWith(prefix) && file.isNew)
      .map(([, { name }]) => name);
  }

  /** The file at a place, to be written; a new one counts as made. */
  stage(
    place: GuestPlace,
    how: { readonly create: boolean; readonly exclusive: boolean },
  ): StagedFile {
    const staged = this.#places.named(place, (directory, name) => {
      const known = this.at(directory, name);
      if (known !== undefined) {
        if (how.exclusive) throw exists(place.path);
        return known;
      }
      return this.#take(directory, name, place, how);
    });
    if (staged === undefined) throw isDirectory(place.path);
    return staged;
  }

  /**
   * Puts a file in place, if its directory still is where the call may write.
   *
   * @returns bytes written since the last time; undefined when there was nothing.
   * @throws CommitFailure
   */
  commit(file: StagedFile): number | undefined {
    if (!file.isChanged) return undefined;
    try {
      const { place, directory } = file;
      const root = this.#places.root(place);
      if (!standsBelow(root, directory, place.path, this.#places.ground.own())) {
        throw movedAway(place.path);
      }
    } catch (cause) {
      throw new CommitFailure(false, cause);
    }
    return file.commit();
  }

  /** Puts what is written at a name in place, if anything is. */
  commitAt(directory: Held, name: string): void {
    const file = this.at(directory, name);
    if (file !== undefined) this.commit(file);
  }

  /** One handle less; the last one drops it. */
  release(file: StagedFile): void {
    file.openers -= 1;
    this.dropUnused(file);
  }

  dropUnused(file: StagedFile): void {
    if (file.openers > 0) return;
    for (const [key, each] of this.#files) if (each === file) this.#files.delete(key);
    file.drop();
  }

  /** Its name was removed: handles go on with it, nothing of it is put in place. */
  remove(directory: Held, name: string): void {
    const file = this.#forget(directory, name);
    if (file === undefined) return;
    file.removed();
    this.#removed += 1;
    this.#files.set(`removed/${this.#removed}`, file);
  }

  /** It has another name now. */
  move(from: readonly [Held, string], to: readonly [Held, string], place: GuestPlace): void {
    const file = this.#forget(...from);
    if (file === undefined) return;
    const [directory, name] = to;
    close(file.directory);
    file.directory = holdAgain(directory);
    file.name = name;
    file.place = place;
    this.#files.set(keyOf(directory.stats, name), file);
  }

  /** Counts a file or directory that is made. @throws FilesRefusal `limit`. */
  countMade(): void {
    const { writeFiles, installation } = this.#places.terms;
    if (this.#madeFiles >= writeFiles) {
      throw new FilesRefusal(
        'limit',
        `a call may make ${writeFiles} files and directories; ` +
          `the operator can allow more with \`warder tool grant ${installation} --max-files N\``,
        'no-space',
      );
    }
    this.#madeFiles += 1;
  }

  /** Drops everything that was not put in place. */
  end(): void {
    for (const file of new Set(this.#files.values())) file.drop();
    this.#files.clear();
  }

  #take(
    directory: Held,
    name: string,
    place: GuestPlace,
    { create, exclusive }: { readonly create: boolean; readonly exclusive: boolean },
  ): StagedFile {
    const { path } = place;
    const existing = this.#replaceable(directory, name, path);
    if (existing !== undefined && exclusive) {
      close(existing);
      throw exists(path);
    }
    if (existing === undefined) {
      if (!create) throw new FilesRefusal('not-found', `\`${path}\` does not exist`);
      this.countMade();
    }
    this.#places.sweep(directory);
    const file = new StagedFile(
      place,
      { directory: holdAgain(directory), name, existing },
      this.#places.ground.maker,
      (bytes) => this.#charge(bytes),
    );
    this.#files.set(keyOf(directory.stats, name), file);
    return file;
  }

  /** What a write would replace. A second name would keep the old bytes, and may be someone else's. */
  #replaceable(directory: Held, name: string, path: string): Held | undefined {
    let existing: Held;
    try {
      existing = look(directory, name, path, this.#places.ground.own());
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
    const { stats } = existing;
    if (stats.isFile() && stats.nlink === 1n) return existing;
    close(existing);
    throw stats.isDirectory() ? isDirectory(path) : severalNames(path);
  }

  #charge(bytes: number): void {
    const { writeBytes, installation } = this.#places.terms;
    if (this.#writtenBytes + bytes > writeBytes) {
      throw new FilesRefusal(
        'limit',
        `a call may write ${writeBytes} bytes in all; ` +
          `the operator can allow more with \`warder tool grant ${installation} --max-write SIZE\``,
        'no-space',
      );
    }
    this.#writtenBytes += bytes;
  }

  #forget(directory: Held, name: string): StagedFile | undefined {
    const key = keyOf(directory.stats, name);
    const file = this.#files.get(key);
    this.#files.delete(key);
    return file;
  }
}

function movedAway(path: string): FilesRefusal {
  return new FilesRefusal('not-found', `the directory of \`${path}\` was moved away meanwhile`);
}

function keyOf(directory: BigIntStats, name: string): string {
  return `${identityOf(directory)}/${name}`;
}
