// openat2(2), which Node does not offer: one system call from a held directory to another, in which the
// kernel itself follows no link, goes up nowhere and stays on the file system.

import { createRequire } from 'node:module';
import { constants as system } from 'node:os';
import { constants } from 'node:fs';

/** The same number on every architecture (Linux 5.6). */
const SYS_OPENAT2 = 437;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
/** RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH. */
const RESOLVE = 0x01 | 0x02 | 0x04 | 0x08;
const HOW_BYTES = 24;

type Syscall = (
  number: number,
  directory: number,
  path: string,
  how: Uint8Array,
  bytes: number,
) => number;

/**
 * Opens a directory (O_PATH) below a held one.
 *
 * @param path relative, without `.` and `..`.
 * @returns a descriptor.
 * @throws Error with the system's `code`; EXDEV for a way out, ELOOP for a symbolic link.
 */
export type OpenBelow = (directory: number, path: string) => number;

/** Undefined where the system call, or the package that calls it, is not there. */
export function loadOpenBelow(): OpenBelow | undefined {
  const how = new Uint8Array(HOW_BYTES);
  const fields = new DataView(how.buffer);
  fields.setBigUint64(0, BigInt(O_PATH | constants.O_DIRECTORY | O_CLOEXEC), true);
  fields.setBigUint64(16, BigInt(RESOLVE), true);
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const call = koffi
      .load(null)
      .func(
        'long syscall(long number, int directory, str path, void *how, size_t bytes)',
      ) as Syscall;
    const open: OpenBelow = (directory, path) => {
      const descriptor = call(SYS_OPENAT2, directory, path, how, HOW_BYTES);
      if (descriptor < 0) throw systemError(koffi.errno());
      return descriptor;
    };
    return works(open) ? open : undefined;
  } catch {
    return undefined;
  }
}

/** An old kernel, or a filter over system calls, says ENOSYS or EPERM to everything. */
function works(open: OpenBelow): boolean {
  try {
    open(-1, 'nothing');
    return false;
  } catch (thrown) {
    return (thrown as { readonly code?: string }).code === 'EBADF';
  }
}

function systemError(number: number): Error {
  const [code = 'UNKNOWN'] = Object.entries(system.errno).find(([, each]) => each === number) ?? [];
  return Object.assign(new Error(code), { code, errno: -number, syscall: 'openat2' });
}
