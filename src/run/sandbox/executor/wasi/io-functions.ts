// WASI functions that move bytes through descriptors.

import type { Descriptor, FileDescriptor } from './descriptors.ts';
import { Errno, WasiError } from './errno.ts';
import { FdFlag, Right } from './flags.ts';
import { descriptors, memory } from './guest.ts';
import type { WasiFunction } from './index.ts';
import { fileOffset } from './numbers.ts';

const SEEK_SET = 0;
const SEEK_CURRENT = 1;
const SEEK_END = 2;

export const ioFunctions: Record<string, WasiFunction> = {
  fd_read: (fd: number, vectorsAt: number, count: number, doneAt: number) => {
    const source = descriptors().get(fd);
    const into = memory().vectors(vectorsAt, count);
    memory().u32(doneAt, 0);
    if (source.kind === 'input') {
      descriptors().get(fd, Right.fdRead);
      return memory().u32(
        doneAt,
        fill(into, (bytes) => descriptors().takeInput(bytes)),
      );
    }
    const open = readable(fd);
    const done = fill(into, (bytes, at) => open.file.readAt(bytes, open.offset + at));
    open.offset += done;
    return memory().u32(doneAt, done);
  },
  fd_pread: (fd: number, vectorsAt: number, count: number, offset: bigint, doneAt: number) => {
    const { file } = descriptors().file(fd, Right.fdRead | Right.fdSeek);
    const start = fileOffset(offset);
    const into = memory().vectors(vectorsAt, count);
    memory().u32(doneAt, 0);
    memory().u32(
      doneAt,
      fill(into, (bytes, at) => file.readAt(bytes, start + at)),
    );
  },
  fd_write: (fd: number, vectorsAt: number, count: number, doneAt: number) => {
    const target = descriptors().get(fd);
    const from = memory().vectors(vectorsAt, count);
    memory().u32(doneAt, 0);
    if (target.kind === 'output') {
      descriptors().get(fd, Right.fdWrite);
      return memory().u32(doneAt, drain(from, target.write));
    }
    const open = descriptors().file(fd, Right.fdWrite);
    const start = (open.flags & FdFlag.append) === 0 ? open.offset : open.file.size;
    const done = drain(from, (bytes, at) => open.file.writeAt(bytes, start + at));
    open.offset = start + done;
    settle(open);
    return memory().u32(doneAt, done);
  },
  fd_pwrite: (fd: number, vectorsAt: number, count: number, offset: bigint, doneAt: number) => {
    const open = descriptors().file(fd, Right.fdWrite | Right.fdSeek);
    const start = fileOffset(offset);
    const from = memory().vectors(vectorsAt, count);
    memory().u32(doneAt, 0);
    const done = drain(from, (bytes, at) => open.file.writeAt(bytes, start + at));
    settle(open);
    memory().u32(doneAt, done);
  },
  fd_seek: (fd: number, delta: bigint, whence: number, at: number) => {
    const telling = delta === 0n && whence === SEEK_CURRENT;
    const open = telling ? tellable(fd) : descriptors().file(fd, Right.fdSeek);
    const offset = fileOffset(BigInt(seekBase(open, whence)) + delta);
    memory().u64(at, BigInt(offset));
    open.offset = offset;
  },
  fd_tell: (fd: number, at: number) => memory().u64(at, BigInt(tellable(fd).offset)),
  fd_sync: (fd: number) => synchronise(descriptors().get(fd, Right.fdSync)),
  fd_datasync: (fd: number) => synchronise(descriptors().get(fd, Right.fdDatasync)),
  fd_advise: (fd: number, offset: bigint, length: bigint, advice: number) => {
    descriptors().file(fd, Right.fdAdvise);
    fileOffset(offset);
    fileOffset(length);
    if (advice >>> 0 > 5) throw new WasiError(Errno.inval);
  },
  fd_allocate: (fd: number, offset: bigint, length: bigint) => {
    const { file } = descriptors().file(fd, Right.fdAllocate);
    if (length === 0n) throw new WasiError(Errno.inval);
    const end = fileOffset(BigInt.asUintN(64, offset) + BigInt.asUintN(64, length));
    if (end > file.size) descriptors().tree.resize(file, end);
  },
};

function readable(fd: number): FileDescriptor {
  return descriptors().file(fd, Right.fdRead);
}

/** The right to seek is one to tell. */
function tellable(fd: number): FileDescriptor {
  const open = descriptors().file(fd);
  if ((open.base & (Right.fdTell | Right.fdSeek)) === 0n) throw new WasiError(Errno.notcapable);
  return open;
}

function seekBase(open: FileDescriptor, whence: number): number {
  switch (whence) {
    case SEEK_SET:
      return 0;
    case SEEK_CURRENT:
      return open.offset;
    case SEEK_END:
      return open.file.size;
    default:
      throw new WasiError(Errno.inval);
  }
}

/** A descriptor may ask that each write is in place before it is answered. */
function settle({ file, flags }: FileDescriptor): void {
  if ((flags & (FdFlag.sync | FdFlag.dsync)) !== 0) file.sync();
}

function synchronise(descriptor: Descriptor): void {
  if (descriptor.kind === 'file') descriptor.file.sync();
}

type Vectors = ReturnType<ReturnType<typeof memory>['vectors']>;

/** Fills iovecs one after the other until one is not filled. */
function fill(vectors: Vectors, read: (into: Uint8Array, at: number) => number): number {
  let done = 0;
  for (const { at, length } of vectors) {
    const got = read(memory().bytes(at, length), done);
    done += got;
    if (got < length) break;
  }
  return done;
}

/** Writes iovecs one after the other. */
function drain(vectors: Vectors, write: (from: Uint8Array, at: number) => void): number {
  let done = 0;
  for (const { at, length } of vectors) {
    write(memory().bytes(at, length), done);
    done += length;
  }
  return done;
}
