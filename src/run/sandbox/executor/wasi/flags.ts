// Types, flags and rights of WASI preview 1.

export const FileType = { unknown: 0, directory: 3, regularFile: 4 } as const;
export type FileType = (typeof FileType)[keyof typeof FileType];

/** Flags of path_open. */
export const OpenFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;

/** Flags of a descriptor. */
export const FdFlag = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const ALL_FD_FLAGS = 31;

/** Which times are set, and whether to now. */
export const TimeFlag = { accessed: 1, accessedNow: 2, modified: 4, modifiedNow: 8 } as const;

export const Right = {
  fdDatasync: 0x1n,
  fdRead: 0x2n,
  fdSeek: 0x4n,
  fdFdstatSetFlags: 0x8n,
  fdSync: 0x10n,
  fdTell: 0x20n,
  fdWrite: 0x40n,
  fdAdvise: 0x80n,
  fdAllocate: 0x100n,
  pathCreateDirectory: 0x200n,
  pathCreateFile: 0x400n,
  pathLinkSource: 0x800n,
  pathLinkTarget: 0x1000n,
  pathOpen: 0x2000n,
  fdReaddir: 0x4000n,
  pathReadlink: 0x8000n,
  pathRenameSource: 0x10000n,
  pathRenameTarget: 0x20000n,
  pathFilestatGet: 0x40000n,
  pathFilestatSetSize: 0x80000n,
  pathFilestatSetTimes: 0x100000n,
  fdFilestatGet: 0x200000n,
  fdFilestatSetSize: 0x400000n,
  fdFilestatSetTimes: 0x800000n,
  pathSymlink: 0x1000000n,
  pathRemoveDirectory: 0x2000000n,
  pathUnlinkFile: 0x4000000n,
  pollFdReadwrite: 0x8000000n,
} as const;

export const ALL_RIGHTS: bigint = 0x0fff_ffffn;

const WRITING =
  Right.fdDatasync |
  Right.fdWrite |
  Right.fdAllocate |
  Right.pathCreateDirectory |
  Right.pathCreateFile |
  Right.pathLinkTarget |
  Right.pathRenameSource |
  Right.pathRenameTarget |
  Right.pathFilestatSetSize |
  Right.pathFilestatSetTimes |
  Right.fdFilestatSetSize |
  Right.fdFilestatSetTimes |
  Right.pathSymlink |
  Right.pathRemoveDirectory |
  Right.pathUnlinkFile;

/** What can be done with nothing but a granted directory to read. */
export const READING_RIGHTS: bigint = ALL_RIGHTS & ~WRITING;

export const FILE_RIGHTS: bigint =
  Right.fdDatasync |
  Right.fdRead |
  Right.fdSeek |
  Right.fdFdstatSetFlags |
  Right.fdSync |
  Right.fdTell |
  Right.fdWrite |
  Right.fdAdvise |
  Right.fdAllocate |
  Right.fdFilestatGet |
  Right.fdFilestatSetSize |
  Right.fdFilestatSetTimes |
  Right.pollFdReadwrite;

export const DIRECTORY_RIGHTS: bigint =
  ALL_RIGHTS &
  ~(
    Right.fdRead |
    Right.fdSeek |
    Right.fdTell |
    Right.fdWrite |
    Right.fdAdvise |
    Right.fdAllocate |
    Right.fdFilestatSetSize
  );

/** Without seek and tell: programs that ask whether they print to a terminal look for that. */
export const STREAM_RIGHTS: bigint =
  Right.fdRead |
  Right.fdWrite |
  Right.fdFdstatSetFlags |
  Right.fdSync |
  Right.fdDatasync |
  Right.fdFilestatGet |
  Right.pollFdReadwrite;
