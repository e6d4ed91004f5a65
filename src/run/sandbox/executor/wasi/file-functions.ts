// WASI functions about descriptors and paths.

import { type Descriptor, type Directory, fileType } from './descriptors.ts';
import { ALL_RIGHTS, APPEND, Errno, FileType, WasiError, WRITE_RIGHT } from './errno.ts';
import type { Guest, WasiFunction } from './index.ts';
import { stat } from './host-files.ts';
import { currentHost } from './guest.ts';
import type { OpenFile } from './open-file.ts';

const DIRENT_BYTES = 24;
const FILESTAT_BYTES = 64;
const NANOSECONDS_PER_MS = 1_000_000n;

const encoder = new TextEncoder();

export function fileFunctions(guest: () => Guest): Record<string, WasiFunction> {
  return { ...dataFunctions(guest), ...stateFunctions(guest), ...pathFunctions(guest) };
}

/** Bytes in and out. */
function dataFunctions(guest: () => Guest): Record<string, WasiFunction> {
  const read = (
    fd: number,
    vectorsAt: number,
    count: number,
    doneAt: number,
    from?: number,
  ): void => {
    const { memory, descriptors } = guest();
    const vectors = memory.vectors(vectorsAt, count);
    let done = 0;
    if (descriptors.get(fd).kind !== 'input') {
      const file = descriptors.file(fd);
      const start = from ?? file.offset;
      for (const { at, length } of vectors) {
        const got = file.readAt(memory.bytes(at, length), start + done);
        done += got;
        if (got < length) break;
      }
      if (from === undefined) file.offset = start + done;
    }
    memory.u32(doneAt, done);
  };
  const write = (
    fd: number,
    vectorsAt: number,
    count: number,
    doneAt: number,
    to?: number,
  ): void => {
    const { memory, descriptors } = guest();
    const vectors = memory.vectors(vectorsAt, count);
    const target = descriptors.get(fd);
    let done = 0;
    for (const { at, length } of vectors) {
      const bytes = memory.bytes(at, length);
      if (target.kind === 'stream') target.write(bytes);
      else writeFile(descriptors.file(fd), bytes, to === undefined ? undefined : to + done);
      done += length;
    }
    memory.u32(doneAt, done);
  };
  return {
    fd_read: (fd: number, at: number, count: number, doneAt: number) => read(fd, at, count, doneAt),
    fd_pread: (fd: number, at: number, count: number, offset: bigint, doneAt: number) =>
      read(fd, at, count, doneAt, position(offset)),
    fd_write: (fd: number, at: number, count: number, doneAt: number) =>
      write(fd, at, count, doneAt),
    fd_pwrite: (fd: number, at: number, count: number, offset: bigint, doneAt: number) =>
      write(fd, at, count, doneAt, position(offset)),
    fd_seek: (fd: number, delta: bigint, whence: number, at: number) => {
      const { memory, descriptors } = guest();
      const file = descriptors.file(fd);
      const bases = [0, file.offset, file.size];
      const base = bases[whence];
      if (base === undefined) throw new WasiError(Errno.inval);
      const offset = position(BigInt(base) + delta);
      memory.u64(at, BigInt(offset));
      file.offset = offset;
    },
    fd_tell: (fd: number, at: number) =>
      guest().memory.u64(at, BigInt(guest().descriptors.file(fd).offset)),
    fd_sync: (fd: number) => flush(guest(), fd),
    fd_datasync: (fd: number) => flush(guest(), fd),
    fd_advise: (fd: number) => void guest().descriptors.get(fd),
    fd_close: (fd: number) => guest().descriptors.close(fd),
    fd_filestat_set_size: (fd: number, size: bigint) =>
      guest().descriptors.file(fd).resize(position(size)),
  };
}

/** What a descriptor is. */
function stateFunctions(guest: () => Guest): Record<string, WasiFunction> {
  return {
    fd_fdstat_get: (fd: number, at: number) => {
      const { memory, descriptors } = guest();
      const descriptor = descriptors.get(fd);
      memory.bytes(at, 24).fill(0);
      memory.u8(at, fileType(descriptor));
      if (descriptor.kind === 'file' && descriptor.file.append) memory.u16(at + 2, APPEND);
      memory.u64(at + 8, ALL_RIGHTS);
      memory.u64(at + 16, descriptor.kind === 'directory' ? ALL_RIGHTS : 0n);
    },
    fd_fdstat_set_flags: (fd: number, flags: number) => {
      const descriptor = guest().descriptors.get(fd);
      if (descriptor.kind === 'file') descriptor.file.append = (flags & APPEND) !== 0;
    },
    fd_prestat_get: (fd: number, at: number) => {
      const { memory, descriptors } = guest();
      const { path } = preopen(descriptors.get(fd));
      memory.u32(at, 0);
      memory.u32(at + 4, encoder.encode(path).length);
    },
    fd_prestat_dir_name: (fd: number, at: number, length: number) => {
      const { memory, descriptors } = guest();
      const name = encoder.encode(preopen(descriptors.get(fd)).path);
      if (name.length > length >>> 0) throw new WasiError(Errno.inval);
      memory.write(at, name);
    },
    fd_filestat_get: (fd: number, at: number) => {
      const state = guest();
      const descriptor = state.descriptors.get(fd);
      const type = fileType(descriptor);
      if (descriptor.kind === 'file') {
        writeStat(state, at, descriptor.file.path, type, descriptor.file.size, 0);
      } else if (descriptor.kind === 'directory') {
        const { modified } = stat(currentHost(), descriptor.path);
        writeStat(state, at, descriptor.path, type, 0, modified);
      } else {
        writeStat(state, at, '', type, 0, 0);
      }
    },
    fd_renumber: (from: number, to: number) => guest().descriptors.renumber(from, to),
    fd_readdir: (fd: number, at: number, length: number, cookie: bigint, usedAt: number) => {
      const { memory, descriptors } = guest();
      const { path } = descriptors.directory(fd);
      const entries = descriptors.entries(fd, cookie === 0n);
      const room = memory.bytes(at, length);
      let used = 0;
      for (let index = position(cookie); index < entries.length && used < room.length; index += 1) {
        const entry = entries[index];
        if (entry === undefined) break;
        const record = direntOf(path, entry.name, entry.directory, index + 1);
        const part = record.subarray(0, room.length - used);
        room.set(part, used);
        used += part.length;
      }
      memory.u32(usedAt, used);
    },
  };
}

/** What lies below a directory. */
function pathFunctions(guest: () => Guest): Record<string, WasiFunction> {
  return {
    path_open: (
      fd: number,
      _lookup: number,
      pathAt: number,
      pathLength: number,
      flags: number,
      rights: bigint,
      _inheriting: bigint,
      fdFlags: number,
      at: number,
    ) => {
      const { memory, descriptors } = guest();
      const path = memory.text(pathAt, pathLength);
      memory.u32(at, 0);
      const writing = (rights & WRITE_RIGHT) !== 0n;
      memory.u32(at, descriptors.open(fd, path, flags, writing, (fdFlags & APPEND) !== 0));
    },
    path_filestat_get: (
      fd: number,
      _lookup: number,
      pathAt: number,
      pathLength: number,
      at: number,
    ) => {
      const state = guest();
      const path = state.descriptors.path(fd, state.memory.text(pathAt, pathLength));
      state.memory.bytes(at, FILESTAT_BYTES);
      const { directory, size, modified } = stat(currentHost(), path);
      const type = directory ? FileType.directory : FileType.regularFile;
      writeStat(state, at, path, type, size, modified);
    },
  };
}

function flush({ descriptors }: Guest, fd: number): void {
  const descriptor = descriptors.get(fd);
  if (descriptor.kind === 'file') descriptor.file.flush();
}

function writeFile(file: OpenFile, bytes: Uint8Array, to: number | undefined): void {
  const start = to ?? (file.append ? file.size : file.offset);
  file.writeAt(bytes, start);
  if (to === undefined) file.offset = start + bytes.length;
}

function preopen(descriptor: Descriptor): Directory {
  if (descriptor.kind !== 'directory' || !descriptor.preopen) throw new WasiError(Errno.badf);
  return descriptor;
}

/** A guest's 64 bit offset or size. */
function position(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new WasiError(Errno.inval);
  return number;
}

function direntOf(directory: string, name: string, isDirectory: boolean, next: number): Uint8Array {
  const text = encoder.encode(name);
  const record = new Uint8Array(DIRENT_BYTES + text.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, inode(`${directory}/${name}`), true);
  view.setUint32(16, text.length, true);
  record[20] = isDirectory ? FileType.directory : FileType.regularFile;
  record.set(text, DIRENT_BYTES);
  return record;
}

function writeStat(
  { memory }: Guest,
  at: number,
  path: string,
  type: FileType,
  size: number,
  modified: number,
): void {
  const time = BigInt(Math.max(0, modified)) * NANOSECONDS_PER_MS;
  memory.bytes(at, FILESTAT_BYTES).fill(0);
  memory.u64(at, 1n);
  memory.u64(at + 8, inode(path));
  memory.u8(at + 16, type);
  memory.u64(at + 24, 1n);
  memory.u64(at + 32, BigInt(size));
  for (const offset of [40, 48, 56]) memory.u64(at + offset, time);
}

/** A number for a path, never 0: programs compare them, and take 0 for "unknown". (FNV-1a) */
function inode(path: string): bigint {
  let hash = 0x811c9dc5;
  for (let index = 0; index < path.length; index += 1) {
    hash = Math.imul(hash ^ path.charCodeAt(index), 0x01000193) >>> 0;
  }
  return BigInt(hash) + 1n;
}
