// wasi:filesystem/types descriptor: a file or directory a component has open.

import { FileError } from '../files/file-error.ts';
import type { Directory, Times } from '../files/file-tree.ts';
import type { OpenFile } from '../files/open-file.ts';
import { DirectoryEntryStream } from './directory-entries.ts';
import { ErrResult } from './err-result.ts';
import { type Datetime, hashOf, statOf, typeOf } from './file-facts.ts';
import { dropFile, FileSink, FileSource, readSome } from './file-streams.ts';
import { InputStream, OutputStream } from './io.ts';
import { attempt, type OpenThings } from './open-things.ts';

/** Bytes given in answer to one read. */
const MOST = 1024 * 1024;
const NANOSECONDS = 1_000_000_000n;

interface OpenFlags {
  readonly create?: boolean;
  readonly directory?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
}

interface DescriptorFlags {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly fileIntegritySync?: boolean;
  readonly dataIntegritySync?: boolean;
  readonly requestedWriteSync?: boolean;
  readonly mutateDirectory?: boolean;
}

type NewTimestamp =
  { readonly tag: 'no-change' | 'now' } | { readonly tag: 'timestamp'; readonly val: Datetime };

type Target =
  | { readonly kind: 'file'; readonly file: OpenFile }
  | { readonly kind: 'directory'; readonly directory: Directory };

/** wasi:filesystem/types descriptor. Paths are relative to it; links are never followed. */
export class Descriptor {
  readonly #things: OpenThings;
  readonly #target: Target;
  readonly #flags: DescriptorFlags;
  #dropped = false;

  private constructor(things: OpenThings, target: Target, flags: DescriptorFlags) {
    this.#things = things;
    this.#target = target;
    this.#flags = flags;
  }

  static preopen(things: OpenThings, root: string): Descriptor {
    things.take();
    return Descriptor.make(things, { kind: 'directory', directory: things.tree.hold(root) }, {});
  }

  /** Not the constructor: the glue sees the class, and only the host makes descriptors. */
  static make(things: OpenThings, target: Target, flags: DescriptorFlags): Descriptor {
    return new Descriptor(things, target, flags);
  }

  readViaStream(offset: bigint): InputStream {
    const file = this.#readable();
    const at = attempt(() => offsetOf(offset));
    this.#things.take();
    file.openers += 1;
    return new InputStream(new FileSource(this.#things, file, at));
  }

  writeViaStream(offset: bigint): OutputStream {
    return this.#outputStream(attempt(() => offsetOf(offset)));
  }

  appendViaStream(): OutputStream {
    return this.#outputStream(undefined);
  }

  advise(offset: bigint, length: bigint, _advice: string): void {
    this.#file();
    attempt(() => [offsetOf(offset), offsetOf(length)]);
  }

  syncData(): void {
    this.sync();
  }

  sync(): void {
    const target = this.#target;
    if (target.kind === 'file') attempt(() => target.file.sync());
  }

  getFlags(): DescriptorFlags {
    if (this.#target.kind === 'file') return this.#flags;
    return {
      read: true,
      mutateDirectory: this.#things.tree.isWritable(this.#target.directory.path),
    };
  }

  getType(): string {
    return typeOf(this.#target.kind);
  }

  setSize(size: bigint): void {
    const file = this.#writable();
    attempt(() => this.#things.tree.resize(file, offsetOf(size)));
  }

  setTimes(accessed: NewTimestamp, modified: NewTimestamp): void {
    const target = this.#target;
    const path = target.kind === 'file' ? target.file.path : target.directory.path;
    attempt(() => this.#things.tree.setTimesAt(path, this.#times(accessed, modified)));
  }

  read(length: bigint, offset: bigint): [Uint8Array, boolean] {
    const file = this.#readable();
    return attempt(() => {
      const at = offsetOf(offset);
      const bytes = readSome(file, at, length < BigInt(MOST) ? Number(length) : MOST);
      return [bytes, at + bytes.length >= file.size];
    });
  }

  write(bytes: Uint8Array, offset: bigint): bigint {
    const file = this.#writable();
    attempt(() => {
      file.writeAt(bytes, offsetOf(offset));
      if (this.#synchronous) file.sync();
    });
    return BigInt(bytes.length);
  }

  readDirectory(): DirectoryEntryStream {
    const directory = this.#directory();
    const entries = attempt(() => this.#things.tree.list(directory));
    this.#things.take();
    return DirectoryEntryStream.make(this.#things, entries);
  }

  createDirectoryAt(path: string): void {
    const directory = this.#directory();
    attempt(() => this.#things.tree.makeDirectory(directory, path));
  }

  stat(): object {
    const { tree } = this.#things;
    const target = this.#target;
    return attempt(() =>
      statOf(
        target.kind === 'file'
          ? tree.factsOfFile(target.file)
          : tree.factsOfDirectory(target.directory),
      ),
    );
  }

  statAt(_flags: object, path: string): object {
    const directory = this.#directory();
    return attempt(() => statOf(this.#things.tree.stat(directory, path).facts));
  }

  setTimesAt(_flags: object, path: string, accessed: NewTimestamp, modified: NewTimestamp): void {
    const directory = this.#directory();
    attempt(() => this.#things.tree.setTimes(directory, path, this.#times(accessed, modified)));
  }

  linkAt(_flags: object, oldPath: string, to: Descriptor, newPath: string): void {
    const { tree } = this.#things;
    const [from, target] = [this.#directory(), to.#directory()];
    attempt(() => {
      tree.stat(from, oldPath);
      tree.refuseLink(target, newPath);
    });
  }

  openAt(_flags: object, path: string, how: OpenFlags, flags: DescriptorFlags): Descriptor {
    const at = this.#directory();
    const { create = false, exclusive = false, truncate = false, directory = false } = how;
    const { read = false, write = false } = flags;
    this.#things.take();
    try {
      const wanted = { read, write, create, exclusive, truncate, directory };
      const opened = attempt(() => this.#things.tree.open(at, path, wanted));
      return new Descriptor(this.#things, opened, flags);
    } catch (thrown) {
      this.#things.giveBack();
      throw thrown;
    }
  }

  readlinkAt(path: string): string {
    const directory = this.#directory();
    return attempt(() => {
      this.#things.tree.stat(directory, path);
      // What is shown is never a link.
      throw new FileError('invalid');
    });
  }

  removeDirectoryAt(path: string): void {
    const directory = this.#directory();
    attempt(() => this.#things.tree.removeDirectory(directory, path));
  }

  renameAt(oldPath: string, to: Descriptor, newPath: string): void {
    const [from, target] = [this.#directory(), to.#directory()];
    attempt(() => this.#things.tree.rename(from, oldPath, target, newPath));
  }

  symlinkAt(_oldPath: string, newPath: string): void {
    const directory = this.#directory();
    attempt(() => this.#things.tree.refuseLink(directory, newPath));
  }

  unlinkFileAt(path: string): void {
    const directory = this.#directory();
    attempt(() => this.#things.tree.unlink(directory, path));
  }

  isSameObject(other: Descriptor): boolean {
    return this.#identity() === other.#identity();
  }

  metadataHash(): object {
    const target = this.#target;
    const { tree } = this.#things;
    return attempt(() =>
      target.kind === 'file'
        ? hashOf(target.file.path ?? target.file.madeAt, tree.factsOfFile(target.file))
        : hashOf(target.directory.path, tree.factsOfDirectory(target.directory)),
    );
  }

  metadataHashAt(_flags: object, path: string): object {
    const directory = this.#directory();
    return attempt(() => {
      const found = this.#things.tree.stat(directory, path);
      return hashOf(found.path, found.facts);
    });
  }

  [Symbol.dispose](): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#things.giveBack();
    const target = this.#target;
    if (target.kind === 'directory') this.#things.tree.release(target.directory);
    else dropFile(this.#things, target.file);
  }

  get #synchronous(): boolean {
    const { fileIntegritySync = false, dataIntegritySync = false } = this.#flags;
    return fileIntegritySync || dataIntegritySync;
  }

  #file(): OpenFile {
    if (this.#target.kind !== 'file') throw new ErrResult('bad-descriptor');
    return this.#target.file;
  }

  #readable(): OpenFile {
    const file = this.#file();
    if (this.#flags.read !== true) throw new ErrResult('bad-descriptor');
    return file;
  }

  #writable(): OpenFile {
    const file = this.#file();
    if (this.#flags.write !== true) throw new ErrResult('bad-descriptor');
    return file;
  }

  #directory(): Directory {
    if (this.#target.kind !== 'directory') throw new ErrResult('not-directory');
    return this.#target.directory;
  }

  #outputStream(offset: number | undefined): OutputStream {
    const file = this.#writable();
    this.#things.take();
    file.openers += 1;
    return new OutputStream(new FileSink(this.#things, file, offset, this.#synchronous));
  }

  #identity(): OpenFile | string {
    return this.#target.kind === 'file' ? this.#target.file : this.#target.directory.path;
  }

  #times(accessed: NewTimestamp, modified: NewTimestamp): Times {
    const read = this.#instant(accessed);
    const written = this.#instant(modified);
    return {
      ...(read === undefined ? {} : { accessed: read }),
      ...(written === undefined ? {} : { modified: written }),
    };
  }

  #instant(stamp: NewTimestamp): bigint | undefined {
    switch (stamp.tag) {
      case 'no-change':
        return undefined;
      case 'now':
        return this.#things.clocks.realtime();
      case 'timestamp': {
        const { seconds, nanoseconds } = stamp.val;
        if (BigInt(nanoseconds) >= NANOSECONDS) throw new FileError('invalid');
        return seconds * NANOSECONDS + BigInt(nanoseconds);
      }
    }
  }
}

function offsetOf(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new FileError('invalid');
  return number;
}
