// openat2(2): one name opened in a held directory by the kernel, which itself refuses links and what
// is mounted there. Called through koffi, which this process alone loads.

import { closeSync, constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';

/** Number of the system call on every architecture. */
const OPENAT2 = 437;
const HOW_BYTES = 24;
const RESOLVE_NO_XDEV = 0x01;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const BELOW = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;

/** The two ways of opening that concern held inodes. Throw errors like those of node:fs. */
export interface Openat2 {
  /** Opens what a name in a directory is; a link as itself (O_PATH), or not at all; no mount: EXDEV. */
  below(directory: number, name: string, flags: number): number;
  /** Opens the very inode that a descriptor holds. */
  again(descriptor: number, flags: number): number;
}

/** An error as node:fs would throw it. */
class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code: string;

  constructor(code: string) {
    super(`${code}: openat2`);
    this.code = code;
  }
}

type Syscall = (
  number: number,
  directory: number,
  path: string,
  how: Uint8Array,
  size: number,
) => number;

/** Undefined where koffi has no binary for this platform, or the kernel no such call for us. */
export function loadOpenat2(): Openat2 | undefined {
  try {
    const call = prepare();
    closeSync(call.again(0, O_PATH));
    return call;
  } catch {
    return undefined;
  }
}

function prepare(): Openat2 {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const syscall = koffi
    .load(null)
    .func('long syscall(long, int directory, str path, void *how, size_t size)') as Syscall;
  const how = Buffer.alloc(HOW_BYTES);
  const open = (directory: number, path: string, flags: number, rules: number): number => {
    // Three u64; of none are the upper halves used.
    how.writeUInt32LE(flags | O_CLOEXEC, 0);
    how.writeUInt32LE(rules, 16);
    const opened = syscall(OPENAT2, directory, path, how, HOW_BYTES);
    if (opened >= 0) return opened;
    throw new SystemError(getSystemErrorName(-koffi.errno()));
  };
  const descriptors = openSync('/proc/self/fd', O_PATH | O_DIRECTORY);
  return {
    below: (directory, name, flags) => open(directory, name, flags | O_NOFOLLOW, BELOW),
    // The only link that is followed is the kernel's own.
    again: (descriptor, flags) => open(descriptors, String(descriptor), flags, 0),
  };
}
