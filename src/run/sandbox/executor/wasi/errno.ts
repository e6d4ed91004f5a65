// Error numbers, file types and flags of WASI preview 1, as far as they are used here.

export const Errno = {
  success: 0,
  acces: 2,
  badf: 8,
  exist: 20,
  fault: 21,
  fbig: 22,
  inval: 28,
  io: 29,
  isdir: 31,
  noent: 44,
  nosys: 52,
  notdir: 54,
  notsup: 58,
  spipe: 70,
  notcapable: 76,
} as const;
export type Errno = (typeof Errno)[keyof typeof Errno];

/** Thrown by an operation; the import that runs it returns its number. */
export class WasiError extends Error {
  readonly errno: Errno;

  constructor(errno: Errno) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

export const FileType = { characterDevice: 2, directory: 3, regularFile: 4 } as const;
export type FileType = (typeof FileType)[keyof typeof FileType];

/** Flags of path_open. */
export const OpenFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
export const APPEND = 1;

/** The one right we look at. */
export const WRITE_RIGHT: bigint = 1n << 6n;
export const ALL_RIGHTS: bigint = (1n << 30n) - 1n;
