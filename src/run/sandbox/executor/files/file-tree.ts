// The granted directories as one call's guest sees them: what is open below them, and every change,
// each a request to the host that checks it against the permit. Under both versions of WASI.

import type { GuestHost } from '../engine.ts';
import type { FileFacts } from '../../host-calls.ts';
import { ask, factsIn, FileError, type Granted } from './file-error.ts';
import { isWithin, type Place, resolveBelow } from './guest-paths.ts';
import { OpenFile, PREFETCH } from './open-file.ts';

/** A directory a guest has open; its path follows when it is moved. */
export interface Directory {
  path: string;
}

export interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
}

/** What a guest wants of a path it opens. */
export interface Wanted {
  readonly read: boolean;
  readonly write: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
  /** Nothing but a directory will do. */
  readonly directory: boolean;
}

export type Opened =
  | { readonly kind: 'file'; readonly file: OpenFile }
  | { readonly kind: 'directory'; readonly directory: Directory };

/** Nanoseconds since the epoch; what is absent stays. */
export interface Times {
  readonly accessed?: bigint;
  readonly modified?: bigint;
}

/** The host sets times to some hundred nanoseconds: a guest is told what it set as long as that is it. */
const SET_WITHIN = 1000n;

export class FileTree {
  /** Granted directories by guest path, in the order of their grants. */
  readonly roots: readonly string[];
  readonly #host: GuestHost;
  readonly #writable: readonly string[];
  /** By path; one whose name was removed is in no table any more. */
  readonly #files = new Map<string, OpenFile>();
  readonly #unnamed = new Set<OpenFile>();
  readonly #directories = new Set<Directory>();
  readonly #set = new Map<string, Times>();

  constructor(host: GuestHost) {
    this.#host = host;
    this.#writable = host.writable ?? [];
    this.roots = [...new Set([...host.roots, ...this.#writable])];
  }

  isWritable(path: string): boolean {
    return this.#writable.some((root) => isWithin(path, root));
  }

  /** Holds a directory by its path. */
  hold(path: string): Directory {
    const directory: Directory = { path };
    this.#directories.add(directory);
    return directory;
  }

  release(directory: Directory): void {
    this.#directories.delete(directory);
  }

  /** Opens what `path` below `at` leads to. What it gives is released with {@link close} or {@link release}. */
  open(at: Directory, path: string, wanted: Wanted): Opened {
    const place = this.#resolve(at, path);
    const { write, create, exclusive, truncate } = wanted;
    if (place.directory || wanted.directory) return this.#openDirectory(place, wanted);
    const known = this.#files.get(place.path);
    if (known !== undefined && create && exclusive) throw new FileError('exist');
    const changes = write || create || truncate;
    if (changes && !this.isWritable(place.path)) {
      // What is there can still be opened; it is not made.
      if (write || truncate || exclusive) throw new FileError('not-permitted');
      return this.#openFile(place.path, known, { ...wanted, create: false }, 'not-permitted');
    }
    return this.#openFile(place.path, known, wanted, 'no-entry');
  }

  /** One descriptor less; the last one puts what was written in place. */
  close(file: OpenFile): void {
    file.openers -= 1;
    if (file.openers > 0) return;
    this.#unnamed.delete(file);
    if (file.path !== undefined) this.#files.delete(file.path);
    file.close();
  }

  /** The facts of what a path leads to. */
  stat(at: Directory, path: string): { readonly path: string; readonly facts: FileFacts } {
    const place = this.#resolve(at, path);
    const facts = this.#look(place.path);
    if (place.directory && facts.kind !== 'directory') throw new FileError('not-directory');
    return { path: place.path, facts };
  }

  factsOfFile(file: OpenFile): FileFacts {
    const facts = file.facts();
    return file.path === undefined ? facts : this.#asSet(file.path, facts);
  }

  factsOfDirectory({ path }: Directory): FileFacts {
    return this.#look(path);
  }

  list({ path }: Directory): readonly Entry[] {
    const { value } = this.#ask({ op: 'file-list', path });
    if (!('entries' in value)) throw new FileError('io');
    return value.entries;
  }

  makeDirectory(at: Directory, path: string): void {
    const place = this.#resolve(at, path);
    if (place.nameless) throw new FileError('exist');
    this.#changing(place.path);
    this.#ask({ op: 'file-make-directory', path: place.path });
  }

  removeDirectory(at: Directory, path: string): void {
    const place = this.#resolve(at, path);
    if (place.nameless) throw new FileError('invalid');
    this.#changing(place.path);
    this.#ask({ op: 'file-remove', path: place.path, kind: 'directory' });
    this.#set.delete(place.path);
  }

  unlink(at: Directory, path: string): void {
    const place = this.#resolve(at, path);
    if (place.nameless) throw new FileError('is-directory');
    if (place.directory) {
      const { kind } = this.#look(place.path);
      throw new FileError(kind === 'directory' ? 'is-directory' : 'not-directory');
    }
    this.#changing(place.path);
    this.#ask({ op: 'file-remove', path: place.path, kind: 'file' });
    this.#forget(place.path);
  }

  rename(from: Directory, oldPath: string, to: Directory, newPath: string): void {
    const source = this.#resolve(from, oldPath);
    const target = this.#resolve(to, newPath);
    if (source.nameless || target.nameless) throw new FileError('invalid');
    this.#changing(source.path);
    this.#changing(target.path);
    if (source.directory || target.directory) {
      if (this.#look(source.path).kind !== 'directory') throw new FileError('not-directory');
    }
    if (target.path !== source.path && isWithin(target.path, source.path)) {
      throw new FileError('invalid');
    }
    this.#ask({ op: 'file-rename', from: source.path, to: target.path });
    if (source.path !== target.path) this.#moved(source.path, target.path);
  }

  /** What stands in the way of a link at `path`: none is ever made. */
  refuseLink(at: Directory, path: string): never {
    const place = this.#resolve(at, path);
    let kind: FileFacts['kind'] | undefined;
    try {
      kind = this.#look(place.path).kind;
    } catch (error) {
      if (!(error instanceof FileError) || error.code !== 'no-entry') throw error;
    }
    if (kind === undefined) throw new FileError(place.directory ? 'no-entry' : 'not-permitted');
    throw new FileError(place.directory && kind === 'file' ? 'not-directory' : 'exist');
  }

  setTimes(at: Directory, path: string, times: Times): void {
    const place = this.#resolve(at, path);
    if (place.directory && this.#look(place.path).kind !== 'directory') {
      throw new FileError('not-directory');
    }
    this.setTimesAt(place.path, times);
  }

  /** @param path absolute; undefined for a file whose name was removed. */
  setTimesAt(path: string | undefined, times: Times): void {
    if (path === undefined) throw new FileError('no-entry');
    this.#changing(path);
    const { accessed, modified } = times;
    if (accessed === undefined && modified === undefined) return;
    // The host sets both, and rounds the one that was to stay as well.
    const kept = accessed === undefined || modified === undefined ? this.#timesOf(path) : {};
    this.#ask({
      op: 'file-times',
      target: path,
      ...(accessed === undefined ? {} : { accessed: String(accessed) }),
      ...(modified === undefined ? {} : { modified: String(modified) }),
    });
    this.#set.set(path, { ...kept, ...times });
    this.#files.get(path)?.forgetFacts();
  }

  /** Makes an open file as long as asked, opening it for writing if it was not. */
  resize(file: OpenFile, size: number): void {
    if (!file.writable) {
      if (file.path === undefined) throw new FileError('bad-descriptor');
      this.#changing(file.path);
      file.becomeWritable(this.#openAt(file.path, { ...NO_WISH, read: true, write: true }));
    }
    file.resize(size);
  }

  /**
   * The guest ended well: what it left open is put in place.
   *
   * @throws FileError when something it wrote is lost.
   */
  finish(): void {
    const open = [...this.#files.values(), ...this.#unnamed];
    this.#files.clear();
    this.#unnamed.clear();
    let lost: unknown;
    for (const file of open) {
      try {
        file.close();
      } catch (error) {
        lost ??= error;
      }
    }
    if (lost !== undefined) throw lost as Error;
  }

  #resolve(at: Directory, path: string): Place {
    const place = resolveBelow(at.path, path);
    for (const each of place.through) {
      if (this.#look(each).kind !== 'directory') throw new FileError('not-directory');
    }
    return place;
  }

  #openDirectory(place: Place, { write, create, truncate, exclusive, directory }: Wanted): Opened {
    let kind: FileFacts['kind'] | undefined;
    try {
      ({ kind } = this.#look(place.path));
    } catch (error) {
      // A name that ends in a slash is none a file could be made under.
      if (!create || !isNoEntry(error)) throw error;
      throw new FileError(directory ? 'invalid' : 'is-directory');
    }
    if (kind !== 'directory') throw new FileError('not-directory');
    if (create && exclusive) throw new FileError('exist');
    if (write || truncate || (create && !directory)) throw new FileError('is-directory');
    return { kind: 'directory', directory: this.hold(place.path) };
  }

  #openFile(
    path: string,
    known: OpenFile | undefined,
    wanted: Wanted,
    missing: 'no-entry' | 'not-permitted',
  ): Opened {
    const file = known ?? this.#openNew(path, wanted, missing);
    if (file === undefined) return { kind: 'directory', directory: this.hold(path) };
    if (known !== undefined) {
      if (wanted.write && !known.writable) known.becomeWritable(this.#openAt(path, wanted));
      else if (wanted.truncate) this.resize(known, 0);
    }
    file.openers += 1;
    return { kind: 'file', file };
  }

  /** Undefined when there is a directory. */
  #openNew(
    path: string,
    wanted: Wanted,
    missing: 'no-entry' | 'not-permitted',
  ): OpenFile | undefined {
    try {
      const writable = wanted.write || wanted.create || wanted.truncate;
      const file = new OpenFile(this.#host, path, this.#openAt(path, wanted), writable);
      this.#files.set(path, file);
      return file;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (error.code === 'no-entry') throw new FileError(missing, error.message);
      const { write, truncate, create, exclusive } = wanted;
      if (error.code !== 'is-directory' || write || truncate) throw error;
      if (create && exclusive) throw new FileError('exist');
      return undefined;
    }
  }

  #openAt(path: string, { read, write, create, exclusive, truncate }: Wanted): Granted {
    return this.#ask({
      op: 'file-open',
      path,
      read,
      write,
      create,
      exclusive: create && exclusive,
      truncate,
      prefetch: read && !write && !create && !truncate ? PREFETCH : 0,
    });
  }

  #look(path: string): FileFacts {
    const file = this.#files.get(path);
    if (file !== undefined) return this.factsOfFile(file);
    return this.#asSet(path, factsIn(this.#ask({ op: 'file-stat', path })));
  }

  #timesOf(path: string): Times {
    const { times } = this.#look(path);
    if (times === undefined) return {};
    return { accessed: BigInt(times.accessed), modified: BigInt(times.modified) };
  }

  /** Sends what is gathered first, so that the host does things in the order the guest did them. */
  #ask(request: Parameters<GuestHost['request']>[0]): Granted {
    for (const file of this.#files.values()) file.flush();
    for (const file of this.#unnamed) file.flush();
    return ask(this.#host, request);
  }

  #changing(path: string): void {
    if (!this.isWritable(path)) throw new FileError('not-permitted');
  }

  /** Files at or below `path` have no name any more. */
  #forget(path: string): void {
    const file = this.#files.get(path);
    this.#set.delete(path);
    if (file === undefined) return;
    this.#files.delete(path);
    file.path = undefined;
    this.#unnamed.add(file);
  }

  #moved(from: string, to: string): void {
    this.#forget(to);
    const files = [...this.#files].filter(([path]) => isWithin(path, from));
    for (const [path, file] of files) {
      this.#files.delete(path);
      file.path = to + path.slice(from.length);
      file.forgetFacts();
      this.#files.set(file.path, file);
    }
    for (const directory of this.#directories) {
      if (isWithin(directory.path, from)) directory.path = to + directory.path.slice(from.length);
    }
    const set = [...this.#set].filter(([path]) => isWithin(path, from));
    for (const [path, times] of set) {
      this.#set.delete(path);
      this.#set.set(to + path.slice(from.length), times);
    }
  }

  /** Facts with the times the guest set itself. */
  #asSet(path: string, facts: FileFacts): FileFacts {
    const set = this.#set.get(path);
    if (set === undefined || facts.times === undefined) return facts;
    const { accessed, modified } = facts.times;
    const times = {
      ...facts.times,
      accessed: settled(accessed, set.accessed),
      modified: settled(modified, set.modified),
    };
    return { ...facts, times };
  }
}

const NO_WISH: Wanted = {
  read: false,
  write: false,
  create: false,
  exclusive: false,
  truncate: false,
  directory: false,
};

function settled(told: string, set: bigint | undefined): string {
  if (set === undefined) return told;
  const apart = BigInt(told) - set;
  return apart < SET_WITHIN && apart > -SET_WITHIN ? String(set) : told;
}

function isNoEntry(error: unknown): boolean {
  return error instanceof FileError && error.code === 'no-entry';
}
