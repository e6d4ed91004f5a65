// Opens directories and files name by name through descriptors, so that nothing that is swapped
// under us leads elsewhere: each step opens one name in a directory that is already held.
//
// O_PATH descriptors open nothing: no FIFO blocks, no device or automount reacts. What a step found
// is checked on the descriptor, and only then reopened for reading through `/proc/self/fd`, which
// leads to that very inode whatever its name means by now.

import { closeSync, constants, fstatSync, openSync, readlinkSync, statfsSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { DeniedInodes } from './own-inodes.ts';
import { FilesRefusal } from '../refusal.ts';

/** Linux's O_PATH, which node:fs does not name; the same number on every architecture Node runs on. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Where the kernel keeps a descriptor's own name: stable while the descriptor is open. */
export function pathOf(descriptor: number, name?: string): string {
  return name === undefined ? `/proc/self/fd/${descriptor}` : `/proc/self/fd/${descriptor}/${name}`;
}

/** An inode that is held open and was checked; {@link close} it in a `finally`. */
export interface Held {
  readonly descriptor: number;
  readonly stats: BigIntStats;
}

export function close(held: Held): void {
  closeSync(held.descriptor);
}

/**
 * Opens a granted directory, name by name from the root.
 *
 * @param host absolute path of the granted directory.
 * @param path the guest path, for messages.
 * @throws FilesRefusal `denied` for warder's own directories and file systems whose files are not
 *   files; whatever node:fs throws, also for symbolic links (ENOTDIR).
 */
export function openRoot(host: string, path: string, own: DeniedInodes): Held {
  let held = openDirectory('/', own, path);
  try {
    for (const name of host.split('/').filter((part) => part !== '')) {
      held = step(held, name, own, path);
    }
    refuseUnfit(held, path);
    return held;
  } catch (thrown) {
    close(held);
    throw thrown;
  }
}

/** A way from a held directory down to another; see {@link walk} for what it promises. */
export type Descend = (
  from: Held,
  names: readonly string[],
  path: string,
  own: DeniedInodes,
) => Held;

/**
 * Opens the directory `names` (one at least) leads to below a held one, a step at a time.
 *
 * @returns a held directory on the file system of the first.
 * @throws FilesRefusal `denied` for warder's own directories and other file systems; whatever node:fs
 *   throws, also for symbolic links (ENOTDIR).
 */
export function walk(from: Held, names: readonly string[], path: string, own: DeniedInodes): Held {
  let held: Held | undefined;
  try {
    for (const name of names) {
      const next = openDirectory(pathOf((held ?? from).descriptor, name), own, path);
      if (held !== undefined) close(held);
      held = next;
      if (held.stats.dev !== from.stats.dev) throw otherFileSystem(path);
    }
    if (held === undefined) throw new RangeError('nowhere to walk');
    return held;
  } catch (thrown) {
    if (held !== undefined) close(held);
    throw thrown;
  }
}

/** Directories above one another that are climbed through. */
const MAX_DEPTH = 4096;

/**
 * Whether a held directory stands below a held root by now, wherever in it.
 *
 * @throws FilesRefusal `denied` when warder's own is between them.
 */
export function standsBelow(root: Held, directory: Held, path: string, own: DeniedInodes): boolean {
  let at = holdAgain(directory);
  try {
    for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
      if (sameInode(at, root)) return true;
      own.refuse(at.stats, path);
      const above = holding(openSync(pathOf(at.descriptor, '..'), O_PATH | O_DIRECTORY));
      const isTop = sameInode(above, at);
      close(at);
      at = above;
      if (isTop) return false;
    }
    return false;
  } finally {
    close(at);
  }
}

/** Holds a held directory once more. */
export function holdAgain(directory: Held): Held {
  return holding(openSync(pathOf(directory.descriptor), O_PATH | O_DIRECTORY));
}

/** The refusal of what lies beyond a mount point. */
export function otherFileSystem(path: string): FilesRefusal {
  return new FilesRefusal(
    'denied',
    `\`${path}\` lies on another file system than the granted directory; the operator can grant it by itself`,
  );
}

/**
 * Holds what `name` is in a held directory, without opening it.
 *
 * @throws FilesRefusal `denied` for links, special files and warder's own files.
 */
export function look(directory: Held, name: string, path: string, own: DeniedInodes): Held {
  const descriptor = openSync(pathOf(directory.descriptor, name), O_PATH | O_NOFOLLOW);
  const held = holding(descriptor);
  try {
    const { stats } = held;
    if (stats.isSymbolicLink()) {
      throw new FilesRefusal(
        'denied',
        `\`${path}\` is a symbolic link; links are not followed, ask for what it leads to`,
        'symbolic-link',
      );
    }
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new FilesRefusal('denied', `\`${path}\` is neither a file nor a directory`);
    }
    own.refuse(stats, path);
    if (stats.isDirectory() && stats.dev !== directory.stats.dev) throw otherFileSystem(path);
    return held;
  } catch (thrown) {
    close(held);
    throw thrown;
  }
}

/** Opens a held regular file for reading. The caller closes the descriptor. */
export function openForReading(file: Held): number {
  return openSync(pathOf(file.descriptor), O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

/** Closes `held` when the step is made. On a throw the caller still holds it. */
function step(held: Held, name: string, own: DeniedInodes, path: string): Held {
  const next = openDirectory(pathOf(held.descriptor, name), own, path);
  close(held);
  return next;
}

function openDirectory(at: string, own: DeniedInodes, path: string): Held {
  const held = holding(openSync(at, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  try {
    own.refuse(held.stats, path);
    return held;
  } catch (thrown) {
    close(held);
    throw thrown;
  }
}

/** Whether two held things are one. */
export function sameInode({ stats: one }: Held, { stats: other }: Held): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** Holds an open descriptor, which is closed when it cannot be looked at. */
export function holding(descriptor: number): Held {
  try {
    return { descriptor, stats: fstatSync(descriptor, { bigint: true }) };
  } catch (thrown) {
    closeSync(descriptor);
    throw thrown;
  }
}

/**
 * File systems where a "regular file" is a window into the kernel, and those where an open can hang
 * for as long as a far machine or another process likes. Magic numbers as in statfs(2).
 */
const UNFIT: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0x62656570, 'configfs'],
  [0xcafe4a11, 'bpf'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0x1cd1, 'devpts'],
  [0x42494e4d, 'binfmt_misc'],
  [0xde5e81e4, 'efivarfs'],
  [0x0187, 'autofs'],
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xfe534d42, 'smb2'],
  [0xff534d42, 'cifs'],
  [0x65735546, 'fuse'],
  [0x00c36400, 'ceph'],
  [0x5346414f, 'afs'],
]);

function refuseUnfit(held: Held, path: string): void {
  // The magic is a signed 32-bit number on some architectures.
  const kind = UNFIT.get(statfsSync(pathOf(held.descriptor)).type >>> 0);
  if (kind === undefined) return;
  throw new FilesRefusal(
    'denied',
    `\`${path}\` is on a \`${kind}\` file system, which tools cannot be given; the operator can grant a copy on a local disk`,
  );
}

/** Whether this system has what the walk needs: Linux with /proc mounted. */
export function canWalk(): boolean {
  try {
    const descriptor = openSync('/', O_PATH | O_DIRECTORY);
    try {
      return readlinkSync(pathOf(descriptor)) === '/';
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}
