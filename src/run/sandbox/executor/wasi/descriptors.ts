// The descriptors of one guest: stdio, the granted directories, what it opened below them.

import type { Directory, Entry, FileTree } from '../files/file-tree.ts';
import type { OpenFile } from '../files/open-file.ts';
import type { Stdio } from '../stdio.ts';
import { Errno, WasiError } from './errno.ts';
import {
  ALL_RIGHTS,
  DIRECTORY_RIGHTS,
  FileType,
  READING_RIGHTS,
  Right,
  STREAM_RIGHTS,
} from './flags.ts';

/** Descriptors a guest may have open. */
const MAX_DESCRIPTORS = 256;
const FIRST_PREOPEN = 3;

/** What a descriptor may be used for. */
interface Capability {
  base: bigint;
  inheriting: bigint;
  flags: number;
}

export interface OutputStream extends Capability {
  readonly kind: 'output';
  readonly write: (bytes: Uint8Array) => void;
}
export interface InputStream extends Capability {
  readonly kind: 'input';
}
export interface DirectoryDescriptor extends Capability {
  readonly kind: 'directory';
  readonly directory: Directory;
  /** Guest path it was there under from the start. */
  readonly preopen: string | undefined;
  /** As of the last reading from the beginning, so that cookies hold. */
  entries: readonly Entry[] | undefined;
}
export interface FileDescriptor extends Capability {
  readonly kind: 'file';
  readonly file: OpenFile;
  offset: number;
}
export type Descriptor = OutputStream | InputStream | DirectoryDescriptor | FileDescriptor;

export class Descriptors {
  readonly tree: FileTree;
  readonly #table = new Map<number, Descriptor>();
  #input: Uint8Array;

  constructor(stdio: Stdio, tree: FileTree) {
    this.tree = tree;
    this.#input = stdio.input;
    const stream = { base: STREAM_RIGHTS, inheriting: 0n, flags: 0 };
    const readable = { ...stream, base: STREAM_RIGHTS & ~Right.fdWrite };
    const writable = { ...stream, base: STREAM_RIGHTS & ~Right.fdRead };
    this.#table.set(0, { kind: 'input', ...readable });
    const out = (write: OutputStream['write']): OutputStream => ({
      kind: 'output',
      ...writable,
      flags: 1,
      write,
    });
    this.#table.set(
      1,
      out((bytes) => stdio.writeOutput(bytes)),
    );
    this.#table.set(
      2,
      out((bytes) => stdio.writeError(bytes)),
    );
    for (const [index, path] of tree.roots.entries()) {
      const allowed = tree.isWritable(path) ? ALL_RIGHTS : READING_RIGHTS;
      this.#table.set(FIRST_PREOPEN + index, {
        kind: 'directory',
        directory: tree.hold(path),
        preopen: path,
        entries: undefined,
        base: allowed & DIRECTORY_RIGHTS,
        inheriting: allowed,
        flags: 0,
      });
    }
  }

  /** @throws WasiError `badf`, or `notcapable` when it lacks one of the rights. */
  get(fd: number, rights = 0n): Descriptor {
    const descriptor = this.#table.get(fd >>> 0);
    if (descriptor === undefined) throw new WasiError(Errno.badf);
    return checked(descriptor, rights);
  }

  file(fd: number, rights = 0n): FileDescriptor {
    const descriptor = this.get(fd);
    if (descriptor.kind === 'directory') throw new WasiError(Errno.isdir);
    if (descriptor.kind !== 'file') throw new WasiError(Errno.spipe);
    return checked(descriptor, rights);
  }

  directory(fd: number, rights = 0n): DirectoryDescriptor {
    const descriptor = this.get(fd);
    if (descriptor.kind !== 'directory') throw new WasiError(Errno.notdir);
    return checked(descriptor, rights);
  }

  /** What is left of standard input. */
  get input(): Uint8Array {
    return this.#input;
  }

  /** Takes bytes of standard input. */
  takeInput(into: Uint8Array): number {
    const part = this.#input.subarray(0, into.length);
    into.set(part);
    this.#input = this.#input.subarray(part.length);
    return part.length;
  }

  /** @throws WasiError `mfile` when there are too many. */
  checkRoom(): void {
    if (this.#table.size >= MAX_DESCRIPTORS) throw new WasiError(Errno.mfile);
  }

  /** Puts a descriptor at the lowest free number. */
  add(descriptor: Descriptor): number {
    let fd = FIRST_PREOPEN;
    while (this.#table.has(fd)) fd += 1;
    this.#table.set(fd, descriptor);
    return fd;
  }

  close(fd: number): void {
    const descriptor = this.get(fd);
    this.#table.delete(fd >>> 0);
    if (descriptor.kind === 'file') this.tree.close(descriptor.file);
    if (descriptor.kind === 'directory') this.tree.release(descriptor.directory);
  }

  renumber(from: number, to: number): void {
    const descriptor = this.get(from);
    this.get(to);
    if (from >>> 0 === to >>> 0) return;
    this.#table.delete(from >>> 0);
    try {
      this.close(to);
    } finally {
      this.#table.set(to >>> 0, descriptor);
    }
  }
}

/** The WASI file type of a descriptor. A stream is no terminal, and nothing else that has a name. */
export function fileType({ kind }: Descriptor): FileType {
  if (kind === 'directory') return FileType.directory;
  return kind === 'file' ? FileType.regularFile : FileType.unknown;
}

function checked<D extends Descriptor>(descriptor: D, rights: bigint): D {
  if ((descriptor.base & rights) !== rights) throw new WasiError(Errno.notcapable);
  return descriptor;
}
