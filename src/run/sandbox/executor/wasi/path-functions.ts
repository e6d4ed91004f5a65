// WASI functions about what lies below a directory, and those about sockets, of which there are none.

import type { Directory } from '../files/file-tree.ts';
import { timesOf, writeFilestat } from './descriptor-functions.ts';
import { Errno, WasiError } from './errno.ts';
import {
  ALL_FD_FLAGS,
  DIRECTORY_RIGHTS,
  FdFlag,
  FILE_RIGHTS,
  OpenFlag,
  READING_RIGHTS,
  Right,
} from './flags.ts';
import { descriptors, memory } from './guest.ts';
import type { WasiFunction } from './index.ts';

const FILESTAT_BYTES = 64;
const ALL_OPEN_FLAGS = 15;

export const pathFunctions: Record<string, WasiFunction> = {
  path_open: (
    fd: number,
    _lookup: number,
    pathAt: number,
    pathLength: number,
    flags: number,
    base: bigint,
    inheriting: bigint,
    fdFlags: number,
    at: number,
  ) => {
    const path = memory().path(pathAt, pathLength);
    memory().u32(at, 0);
    if ((flags & ~ALL_OPEN_FLAGS) !== 0 || (fdFlags & ~ALL_FD_FLAGS) !== 0) {
      throw new WasiError(Errno.inval);
    }
    memory().u32(at, open(fd, path, { flags, base, inheriting, fdFlags }));
  },
  path_filestat_get: (
    fd: number,
    _lookup: number,
    pathAt: number,
    pathLength: number,
    at: number,
  ) => {
    const directory = below(fd, Right.pathFilestatGet);
    const path = memory().path(pathAt, pathLength);
    memory().bytes(at, FILESTAT_BYTES);
    const found = descriptors().tree.stat(directory, path);
    writeFilestat(at, found.path, found.facts);
  },
  path_filestat_set_times: (
    fd: number,
    _lookup: number,
    pathAt: number,
    pathLength: number,
    accessed: bigint,
    modified: bigint,
    flags: number,
  ) => {
    const directory = below(fd, Right.pathFilestatSetTimes);
    const path = memory().path(pathAt, pathLength);
    descriptors().tree.setTimes(directory, path, timesOf(accessed, modified, flags));
  },
  path_create_directory: (fd: number, pathAt: number, pathLength: number) => {
    const directory = below(fd, Right.pathCreateDirectory);
    descriptors().tree.makeDirectory(directory, memory().path(pathAt, pathLength));
  },
  path_remove_directory: (fd: number, pathAt: number, pathLength: number) => {
    const directory = below(fd, Right.pathRemoveDirectory);
    descriptors().tree.removeDirectory(directory, memory().path(pathAt, pathLength));
  },
  path_unlink_file: (fd: number, pathAt: number, pathLength: number) => {
    const directory = below(fd, Right.pathUnlinkFile);
    descriptors().tree.unlink(directory, memory().path(pathAt, pathLength));
  },
  path_rename: (
    fd: number,
    oldAt: number,
    oldLength: number,
    newFd: number,
    newAt: number,
    newLength: number,
  ) => {
    const from = below(fd, Right.pathRenameSource);
    const to = below(newFd, Right.pathRenameTarget);
    const oldPath = memory().path(oldAt, oldLength);
    descriptors().tree.rename(from, oldPath, to, memory().path(newAt, newLength));
  },
  /** There are no links, so what is there is none. */
  path_readlink: (
    fd: number,
    pathAt: number,
    pathLength: number,
    bufferAt: number,
    bufferLength: number,
    usedAt: number,
  ) => {
    const directory = below(fd, Right.pathReadlink);
    const path = memory().path(pathAt, pathLength);
    memory().bytes(bufferAt, bufferLength);
    memory().u32(usedAt, 0);
    descriptors().tree.stat(directory, path);
    return Errno.inval;
  },
  path_symlink: (
    targetAt: number,
    targetLength: number,
    fd: number,
    pathAt: number,
    pathLength: number,
  ) => {
    const directory = below(fd, Right.pathSymlink);
    memory().path(targetAt, targetLength);
    descriptors().tree.refuseLink(directory, memory().path(pathAt, pathLength));
  },
  path_link: (
    fd: number,
    _lookup: number,
    oldAt: number,
    oldLength: number,
    newFd: number,
    newAt: number,
    newLength: number,
  ) => {
    const from = below(fd, Right.pathLinkSource);
    const to = below(newFd, Right.pathLinkTarget);
    descriptors().tree.stat(from, memory().path(oldAt, oldLength));
    descriptors().tree.refuseLink(to, memory().path(newAt, newLength));
  },
  sock_accept: (fd: number, _flags: number, _at: number) => noSocket(fd),
  sock_recv: (fd: number) => noSocket(fd),
  sock_send: (fd: number) => noSocket(fd),
  sock_shutdown: (fd: number) => noSocket(fd),
};

interface Asked {
  readonly flags: number;
  readonly base: bigint;
  readonly inheriting: bigint;
  readonly fdFlags: number;
}

function open(fd: number, path: string, asked: Asked): number {
  const { flags, fdFlags } = asked;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const create = has(OpenFlag.create);
  const truncate = has(OpenFlag.truncate);
  const table = descriptors();
  let needed: bigint = Right.pathOpen;
  if (truncate) needed |= Right.pathFilestatSetSize;
  const at = table.directory(fd, needed);
  // Where nothing can be made anyway, what is there may be opened by who would make it.
  if (create && table.tree.isWritable(at.directory.path)) {
    table.directory(fd, Right.pathCreateFile);
  }
  table.checkRoom();
  const write = (asked.base & Right.fdWrite) !== 0n;
  const opened = table.tree.open(at.directory, path, {
    read: (asked.base & Right.fdRead) !== 0n,
    write,
    create,
    exclusive: has(OpenFlag.exclusive),
    truncate,
    directory: has(OpenFlag.directory),
  });
  // A guest asks for more than there is, and is told what it got.
  const base = asked.base & at.inheriting;
  const inheriting = asked.inheriting & at.inheriting;
  if (opened.kind === 'directory') {
    return table.add({
      kind: 'directory',
      directory: opened.directory,
      preopen: undefined,
      entries: undefined,
      base: base & DIRECTORY_RIGHTS,
      inheriting,
      flags: 0,
    });
  }
  const { file } = opened;
  const changeable = file.path !== undefined && table.tree.isWritable(file.path);
  return table.add({
    kind: 'file',
    file,
    offset: 0,
    base: base & FILE_RIGHTS & (changeable ? ~0n : READING_RIGHTS),
    inheriting: 0n,
    flags: fdFlags & (FdFlag.append | FdFlag.dsync | FdFlag.nonblock | FdFlag.rsync | FdFlag.sync),
  });
}

function below(fd: number, rights: bigint): Directory {
  return descriptors().directory(fd, rights).directory;
}

function noSocket(fd: number): Errno {
  descriptors().get(fd);
  return Errno.notsock;
}
