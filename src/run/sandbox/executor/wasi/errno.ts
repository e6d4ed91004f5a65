// Error numbers of WASI preview 1, as far as they are used here, and what stands for each file error.

import type { FileErrorCode } from '../files/file-error.ts';

export const Errno = {
  success: 0,
  acces: 2,
  badf: 8,
  busy: 10,
  exist: 20,
  fault: 21,
  fbig: 22,
  ilseq: 25,
  inval: 28,
  io: 29,
  isdir: 31,
  loop: 32,
  mfile: 33,
  nametoolong: 37,
  noent: 44,
  nospc: 51,
  notdir: 54,
  notempty: 55,
  notsock: 57,
  notsup: 58,
  overflow: 61,
  rofs: 69,
  spipe: 70,
  xdev: 75,
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

export const ERRNO_OF: Readonly<Record<FileErrorCode, Errno>> = {
  access: Errno.acces,
  'bad-descriptor': Errno.badf,
  busy: Errno.busy,
  'cross-device': Errno.xdev,
  exist: Errno.exist,
  'illegal-byte-sequence': Errno.ilseq,
  'insufficient-space': Errno.nospc,
  invalid: Errno.inval,
  io: Errno.io,
  'is-directory': Errno.isdir,
  loop: Errno.loop,
  'name-too-long': Errno.nametoolong,
  'no-entry': Errno.noent,
  'not-directory': Errno.notdir,
  'not-empty': Errno.notempty,
  'not-permitted': Errno.notcapable,
  overflow: Errno.overflow,
  'read-only': Errno.rofs,
  unsupported: Errno.notsup,
};
