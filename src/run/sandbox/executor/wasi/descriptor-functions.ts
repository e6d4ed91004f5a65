// WASI functions about what a descriptor is.

import type { FileFacts } from '../../host-calls.ts';
import { identityOf } from '../files/file-identity.ts';
import { childOf, parentOf } from '../files/guest-paths.ts';
import type { Entry } from '../files/file-tree.ts';
import { type Descriptor, type DirectoryDescriptor, fileType } from './descriptors.ts';
import { Errno, WasiError } from './errno.ts';
import { ALL_FD_FLAGS, FileType, Right, TimeFlag } from './flags.ts';
import { current, descriptors, memory } from './guest.ts';
import type { WasiFunction } from './index.ts';
import { fileOffset } from './numbers.ts';

const FDSTAT_BYTES = 24;
const DIRENT_BYTES = 24;
const FILESTAT_BYTES = 64;
const NANOSECONDS_PER_MS = 1_000_000n;
const PREOPEN_DIRECTORY = 0;

const encoder = new TextEncoder();

export const descriptorFunctions: Record<string, WasiFunction> = {
  fd_close: (fd: number) => descriptors().close(fd),
  fd_renumber: (from: number, to: number) => descriptors().renumber(from, to),
  fd_fdstat_get: (fd: number, at: number) => {
    const descriptor = descriptors().get(fd);
    memory().bytes(at, FDSTAT_BYTES).fill(0);
    memory().u8(at, fileType(descriptor));
    memory().u16(at + 2, descriptor.flags);
    memory().u64(at + 8, descriptor.base);
    memory().u64(at + 16, descriptor.inheriting);
  },
  fd_fdstat_set_flags: (fd: number, flags: number) => {
    const descriptor = descriptors().get(fd, Right.fdFdstatSetFlags);
    if ((flags & ~ALL_FD_FLAGS) !== 0) throw new WasiError(Errno.inval);
    descriptor.flags = flags;
  },
  fd_fdstat_set_rights: (fd: number, base: bigint, inheriting: bigint) => {
    const descriptor = descriptors().get(fd);
    const more = (asked: bigint, has: bigint): boolean => (BigInt.asUintN(64, asked) & ~has) !== 0n;
    if (more(base, descriptor.base) || more(inheriting, descriptor.inheriting)) {
      throw new WasiError(Errno.notcapable);
    }
    descriptor.base = base;
    descriptor.inheriting = inheriting;
  },
  fd_prestat_get: (fd: number, at: number) => {
    const name = encoder.encode(preopened(fd));
    memory().bytes(at, 8);
    memory().u32(at, PREOPEN_DIRECTORY);
    memory().u32(at + 4, name.length);
  },
  fd_prestat_dir_name: (fd: number, at: number, length: number) => {
    const name = encoder.encode(preopened(fd));
    if (name.length > length >>> 0) throw new WasiError(Errno.nametoolong);
    memory().write(at, name);
  },
  fd_filestat_get: (fd: number, at: number) => {
    const descriptor = descriptors().get(fd, Right.fdFilestatGet);
    memory().bytes(at, FILESTAT_BYTES);
    const { tree } = descriptors();
    if (descriptor.kind === 'file') {
      const { file } = descriptor;
      writeFilestat(at, file.path ?? file.madeAt, tree.factsOfFile(file));
    } else if (descriptor.kind === 'directory') {
      const { directory } = descriptor;
      writeFilestat(at, directory.path, tree.factsOfDirectory(directory));
    } else {
      memory().bytes(at, FILESTAT_BYTES).fill(0);
      memory().u8(at + 16, fileType(descriptor));
    }
  },
  fd_filestat_set_size: (fd: number, size: bigint) => {
    const { file } = descriptors().file(fd, Right.fdFilestatSetSize);
    descriptors().tree.resize(file, fileOffset(size));
  },
  fd_filestat_set_times: (fd: number, accessed: bigint, modified: bigint, flags: number) => {
    const descriptor = descriptors().get(fd, Right.fdFilestatSetTimes);
    const times = timesOf(accessed, modified, flags);
    descriptors().tree.setTimesAt(pathOf(descriptor), times);
  },
  fd_readdir: (fd: number, at: number, length: number, cookie: bigint, usedAt: number) => {
    const directory = descriptors().directory(fd, Right.fdReaddir);
    const first = fileOffset(cookie);
    memory().u32(usedAt, 0);
    const room = memory().bytes(at, length);
    if (first === 0 || directory.entries === undefined) directory.entries = entriesOf(directory);
    let used = 0;
    for (const [index, entry] of directory.entries.slice(first).entries()) {
      if (used >= room.length) break;
      const record = direntOf(directory, entry, first + index + 1);
      const part = record.subarray(0, room.length - used);
      room.set(part, used);
      used += part.length;
    }
    memory().u32(usedAt, used);
  },
};

/** Which times to set; those that are to be now are read from the clock. */
export function timesOf(
  accessed: bigint,
  modified: bigint,
  flags: number,
): { readonly accessed?: bigint; readonly modified?: bigint } {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const both =
    (has(TimeFlag.accessed) && has(TimeFlag.accessedNow)) ||
    (has(TimeFlag.modified) && has(TimeFlag.modifiedNow));
  if (both || flags >>> 0 > 15) throw new WasiError(Errno.inval);
  const now = current().clocks.realtime();
  const times: { accessed?: bigint; modified?: bigint } = {};
  if (has(TimeFlag.accessed)) times.accessed = BigInt.asUintN(64, accessed);
  if (has(TimeFlag.accessedNow)) times.accessed = now;
  if (has(TimeFlag.modified)) times.modified = BigInt.asUintN(64, modified);
  if (has(TimeFlag.modifiedNow)) times.modified = now;
  return times;
}

/** Writes facts as a guest reads them. */
export function writeFilestat(at: number, path: string, facts: FileFacts): void {
  const { kind, size, modified, times, links = 1 } = facts;
  const milliseconds = BigInt(Math.max(0, Math.trunc(modified))) * NANOSECONDS_PER_MS;
  memory().bytes(at, FILESTAT_BYTES).fill(0);
  memory().u64(at, 1n);
  memory().u64(at + 8, identityOf(path));
  memory().u8(at + 16, kind === 'directory' ? FileType.directory : FileType.regularFile);
  memory().u64(at + 24, BigInt(links));
  memory().u64(at + 32, BigInt(size));
  const told = [times?.accessed, times?.modified, times?.changed];
  for (const [index, time] of told.entries()) {
    memory().u64(at + 40 + index * 8, time === undefined ? milliseconds : BigInt(time));
  }
}

function preopened(fd: number): string {
  const descriptor = descriptors().get(fd);
  if (descriptor.kind !== 'directory' || descriptor.preopen === undefined) {
    throw new WasiError(Errno.badf);
  }
  return descriptor.preopen;
}

function pathOf(descriptor: Descriptor): string | undefined {
  if (descriptor.kind === 'file') return descriptor.file.path;
  if (descriptor.kind === 'directory') return descriptor.directory.path;
  throw new WasiError(Errno.inval);
}

function entriesOf({ directory }: DirectoryDescriptor): readonly Entry[] {
  const dots: Entry[] = [
    { name: '.', kind: 'directory' },
    { name: '..', kind: 'directory' },
  ];
  return [...dots, ...descriptors().tree.list(directory)];
}

/** A record as fd_readdir gives it. Above a granted directory there is nothing: it is its own parent. */
function direntOf(
  { directory: { path }, preopen }: DirectoryDescriptor,
  { name, kind }: Entry,
  next: number,
): Uint8Array {
  const text = encoder.encode(name);
  const record = new Uint8Array(DIRENT_BYTES + text.length);
  const view = new DataView(record.buffer);
  let target = childOf(path, name);
  if (name === '.') target = path;
  if (name === '..') target = preopen === undefined ? parentOf(path) : path;
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, identityOf(target), true);
  view.setUint32(16, text.length, true);
  record[20] = kind === 'directory' ? FileType.directory : FileType.regularFile;
  record.set(text, DIRENT_BYTES);
  return record;
}
