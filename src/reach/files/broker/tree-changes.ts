// Changes to a tree of directories: made, removed, renamed, given other times. Names are acted on in
// directories that are held, so nothing swapped meanwhile leads elsewhere; no link is made or followed.

import { mkdirSync, renameSync, rmdirSync, unlinkSync, utimesSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { errnoOf, FilesRefusal } from '../refusal.ts';
import { CHANGED, type Done, exists, isDirectory, isFile, severalNames } from './answers.ts';
import { type Held, pathOf, sameInode } from './descriptor-walk.ts';
import type { GuestPlace } from './guest-path.ts';
import type { Places } from './places.ts';
import { syncDirectory } from './staged-file.ts';
import type { StagedFiles } from './staged-files.ts';

/** Nanoseconds since the epoch, decimal; what is absent stays. */
export interface Times {
  readonly accessed?: string;
  readonly modified?: string;
}

export class TreeChanges {
  readonly #places: Places;
  readonly #staged: StagedFiles;

  constructor(places: Places, staged: StagedFiles) {
    this.#places = places;
    this.#staged = staged;
  }

  makeDirectory(place: GuestPlace): Done {
    const made = this.#places.named(place, (directory, name) => {
      if (this.#staged.at(directory, name) !== undefined) throw exists(place.path);
      this.#staged.countMade();
      mkdirSync(pathOf(directory.descriptor, name), 0o777);
      syncDirectory(directory);
      return CHANGED;
    });
    if (made === undefined) throw exists(place.path);
    return made;
  }

  remove(place: GuestPlace, kind: 'file' | 'directory'): Done {
    const removed = this.#places.named(place, (directory, name) => {
      const staged = this.#staged.at(directory, name);
      if (staged !== undefined && kind === 'directory') throw isFile(place.path);
      if (staged?.isNew !== true) this.#removeInPlace(directory, name, place.path, kind);
      this.#staged.remove(directory, name);
      syncDirectory(directory);
      return CHANGED;
    });
    return removed ?? grantedItself();
  }

  rename(from: GuestPlace, to: GuestPlace): Done {
    const done = this.#places.named(from, (source, name) =>
      this.#places.named(to, (directory, newName) => {
        this.#staged.commitAt(source, name);
        const moved = this.#places.looked(source, name, from.path, ({ stats }) => stats);
        this.#places.ground.own().refuseMove(moved, from.path);
        if (sameInode(source, directory) && name === newName) return CHANGED;
        this.#checkReplaced(directory, newName, to.path, moved);
        renameSync(pathOf(source.descriptor, name), pathOf(directory.descriptor, newName));
        this.#staged.remove(directory, newName);
        this.#staged.move([source, name], [directory, newName], to);
        syncDirectory(source);
        syncDirectory(directory);
        return CHANGED;
      }),
    );
    return done ?? grantedItself();
  }

  setTimes(place: GuestPlace, times: Times): Done {
    const done = this.#places.named(place, (directory, name) => {
      this.#staged.commitAt(directory, name);
      return this.#places.looked(directory, name, place.path, ({ descriptor, stats }) => {
        if (stats.isFile() && stats.nlink > 1n) throw severalNames(place.path);
        return setTimesAt(pathOf(descriptor), stats, times);
      });
    });
    if (done !== undefined) return done;
    const { descriptor, stats } = this.#places.root(place);
    return setTimesAt(pathOf(descriptor), stats, times);
  }

  #removeInPlace(directory: Held, name: string, path: string, kind: 'file' | 'directory'): void {
    const stats = this.#places.looked(directory, name, path, (held) => held.stats);
    if (stats.isDirectory() !== (kind === 'directory')) {
      throw kind === 'directory' ? isFile(path) : isDirectory(path);
    }
    const at = pathOf(directory.descriptor, name);
    if (kind === 'directory') rmdirSync(at);
    else unlinkSync(at);
  }

  #checkReplaced(directory: Held, name: string, path: string, moved: BigIntStats): void {
    let there: BigIntStats;
    try {
      there = this.#places.looked(directory, name, path, ({ stats }) => stats);
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return;
      throw thrown;
    }
    if (there.isFile() && there.nlink > 1n) throw severalNames(path);
    if (there.isDirectory() && !moved.isDirectory()) throw isDirectory(path);
    if (!there.isDirectory() && moved.isDirectory()) throw isFile(path);
  }
}

/** Node gives times as seconds in a double: they are exact to some hundred nanoseconds. */
export function setTimesAt(path: string, stats: BigIntStats, { accessed, modified }: Times): Done {
  utimesSync(
    path,
    Number(accessed ?? stats.atimeNs) / 1e9,
    Number(modified ?? stats.mtimeNs) / 1e9,
  );
  return CHANGED;
}

function grantedItself(): never {
  throw new FilesRefusal('denied', 'a granted directory itself is not moved or removed', 'busy');
}
