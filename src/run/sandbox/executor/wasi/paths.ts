// Guest paths: what a path relative to a descriptor means, decided on its text alone. Nothing is
// followed here; the daemon walks the real directories and refuses what leaves them.

import { Errno, WasiError } from './errno.ts';

const MAX_PATH = 4096;

/**
 * The absolute guest path of `path` below `base`.
 *
 * @throws WasiError `notcapable` for absolute paths and those that climb out of `base`.
 */
export function resolveBelow(base: string, path: string): string {
  if (path.length > MAX_PATH || path.includes('\0')) throw new WasiError(Errno.inval);
  if (path.startsWith('/')) throw new WasiError(Errno.notcapable);
  const below: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') below.push(part);
    else if (below.pop() === undefined) throw new WasiError(Errno.notcapable);
  }
  const root = base === '/' ? '' : base;
  return below.length === 0 ? base : `${root}/${below.join('/')}`;
}

/** Whether `path` is `directory` or below it. */
export function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}
