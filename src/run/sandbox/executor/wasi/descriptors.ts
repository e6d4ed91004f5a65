// The descriptors of one guest: stdio, the granted directories, what it opened below them.

import type { GuestHost, LogLevel } from '../engine.ts';
import { Errno, FileType, OpenFlag, WasiError } from './errno.ts';
import { type Entry, list, stat } from './host-files.ts';
import { OpenFile } from './open-file.ts';
import { isWithin, resolveBelow } from './paths.ts';

/** Descriptors a guest may have open. */
const MAX_DESCRIPTORS = 256;
/** A line a guest has not ended is logged when it gets this long. */
const MAX_LINE = 8192;
const FIRST_PREOPEN = 3;

/** Standard output or error: lines into the call's log. */
export interface Stream {
  readonly kind: 'stream';
  readonly write: (bytes: Uint8Array) => void;
}
export interface Directory {
  readonly kind: 'directory';
  readonly path: string;
  /** Whether it was there from the start. */
  readonly preopen: boolean;
  /** As of the first fd_readdir from the beginning. */
  entries: readonly Entry[] | undefined;
}
export interface RegularFile {
  readonly kind: 'file';
  readonly file: OpenFile;
}
export interface StandardInput {
  readonly kind: 'input';
}
export type Descriptor = Stream | Directory | RegularFile | StandardInput;

export class Descriptors {
  readonly #host: GuestHost;
  readonly #writable: readonly string[];
  readonly #table = new Map<number, Descriptor>();
  readonly #lines: LineLog[];

  constructor(host: GuestHost) {
    this.#host = host;
    this.#writable = host.writable ?? [];
    const [out, error] = [new LineLog(host, 'info'), new LineLog(host, 'warn')];
    this.#lines = [out, error];
    this.#table.set(0, { kind: 'input' });
    this.#table.set(1, { kind: 'stream', write: (bytes) => out.write(bytes) });
    this.#table.set(2, { kind: 'stream', write: (bytes) => error.write(bytes) });
    const roots = [...new Set([...host.roots, ...this.#writable])];
    for (const [index, path] of roots.entries()) {
      const root: Directory = { kind: 'directory', path, preopen: true, entries: undefined };
      this.#table.set(FIRST_PREOPEN + index, root);
    }
  }

  get(fd: number): Descriptor {
    const descriptor = this.#table.get(fd);
    if (descriptor === undefined) throw new WasiError(Errno.badf);
    return descriptor;
  }

  file(fd: number): OpenFile {
    const descriptor = this.get(fd);
    if (descriptor.kind === 'directory') throw new WasiError(Errno.isdir);
    if (descriptor.kind !== 'file') throw new WasiError(Errno.spipe);
    return descriptor.file;
  }

  directory(fd: number): Directory {
    const descriptor = this.get(fd);
    if (descriptor.kind !== 'directory') throw new WasiError(Errno.notdir);
    return descriptor;
  }

  /** The guest path of `path` below the directory `fd`. */
  path(fd: number, path: string): string {
    return resolveBelow(this.directory(fd).path, path);
  }

  open(fd: number, path: string, flags: number, writing: boolean, append: boolean): number {
    if (this.#table.size >= MAX_DESCRIPTORS) throw new WasiError(Errno.notcapable);
    const whole = this.path(fd, path);
    const make = (flags & OpenFlag.create) !== 0;
    const empty = (flags & OpenFlag.truncate) !== 0;
    const changes = writing || make || empty;
    if (changes && !this.#writable.some((root) => isWithin(whole, root))) {
      throw new WasiError(Errno.notcapable);
    }
    const found = this.#find(whole, make);
    if (found === undefined || !found.directory) {
      if ((flags & OpenFlag.directory) !== 0) throw new WasiError(Errno.notdir);
      if (found !== undefined && make && (flags & OpenFlag.exclusive) !== 0) {
        throw new WasiError(Errno.exist);
      }
      const file = new OpenFile(this.#host, whole, found?.size ?? 0, changes);
      file.append = append;
      if (found === undefined || empty) file.truncate();
      return this.#add({ kind: 'file', file });
    }
    if (writing || empty) throw new WasiError(Errno.isdir);
    return this.#add({ kind: 'directory', path: whole, preopen: false, entries: undefined });
  }

  /** The entries of a directory; read anew from the first one on. */
  entries(fd: number, anew: boolean): readonly Entry[] {
    const directory = this.directory(fd);
    if (anew || directory.entries === undefined) {
      directory.entries = list(this.#host, directory.path);
    }
    return directory.entries;
  }

  close(fd: number): void {
    const descriptor = this.get(fd);
    this.#table.delete(fd);
    if (descriptor.kind === 'file') descriptor.file.flush();
  }

  renumber(from: number, to: number): void {
    const descriptor = this.get(from);
    this.get(to);
    if (from === to) return;
    this.close(to);
    this.#table.set(to, descriptor);
    this.#table.delete(from);
  }

  /** Logs the lines that were not ended. */
  end(): void {
    for (const log of this.#lines) log.end();
  }

  #find(path: string, make: boolean): ReturnType<typeof stat> | undefined {
    try {
      return stat(this.#host, path);
    } catch (error) {
      if (make && error instanceof WasiError && error.errno === Errno.noent) return undefined;
      throw error;
    }
  }

  #add(descriptor: Descriptor): number {
    let fd = FIRST_PREOPEN;
    while (this.#table.has(fd)) fd += 1;
    this.#table.set(fd, descriptor);
    return fd;
  }
}

/** The WASI file type of a descriptor. */
export function fileType(descriptor: Descriptor): FileType {
  if (descriptor.kind === 'directory') return FileType.directory;
  return descriptor.kind === 'file' ? FileType.regularFile : FileType.characterDevice;
}

/** Cuts what a guest prints into log lines. */
class LineLog {
  readonly #host: GuestHost;
  readonly #level: LogLevel;
  readonly #decoder = new TextDecoder();
  #line = '';

  constructor(host: GuestHost, level: LogLevel) {
    this.#host = host;
    this.#level = level;
  }

  write(bytes: Uint8Array): void {
    const parts = (this.#line + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#line = parts.pop() ?? '';
    for (const part of parts) this.#host.log(this.#level, part);
    if (this.#line.length > MAX_LINE) this.end();
  }

  end(): void {
    if (this.#line !== '') this.#host.log(this.#level, this.#line);
    this.#line = '';
  }
}
