// Guest paths: what a path relative to a directory means, decided on its text. Nothing is followed
// here; the host walks the real directories and refuses what leaves them.

import { FileError } from './file-error.ts';

const MAX_PATH = 4096;
const MAX_NAME = 255;

/** Where a relative path leads. */
export interface Place {
  /** Absolute guest path. */
  readonly path: string;
  /** It can only be meant as a directory: it ends in `/`, `.` or `..`. */
  readonly directory: boolean;
  /** It ends in `.` or `..`: no name that could be made, moved or removed. */
  readonly nameless: boolean;
  /** Paths that `..` was taken of: directories, or the path leads nowhere. */
  readonly through: readonly string[];
}

/**
 * Where `path` leads below the directory `base`.
 *
 * @throws FileError `not-permitted` for absolute paths and those that climb out of `base`.
 */
export function resolveBelow(base: string, path: string): Place {
  if (path === '') throw new FileError('no-entry');
  if (path.length > MAX_PATH) throw new FileError('name-too-long');
  if (path.includes('\0')) throw new FileError('invalid');
  if (path.startsWith('/')) throw new FileError('not-permitted');
  const parts = path.split('/');
  const below: string[] = [];
  const through: string[] = [];
  for (const part of parts) {
    if (part === '' || part === '.') continue;
    if (part.length > MAX_NAME) throw new FileError('name-too-long');
    if (part !== '..') {
      below.push(part);
      continue;
    }
    if (below.length === 0) throw new FileError('not-permitted');
    through.push(join(base, below));
    below.pop();
  }
  const last = parts.at(-1) ?? '';
  const end = parts.findLast((part) => part !== '') ?? '.';
  const nameless = end === '.' || end === '..';
  return { path: join(base, below), directory: nameless || last === '', nameless, through };
}

/** Whether `path` is `directory` or below it. */
export function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** The directory that holds `path`, but none above `/`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) || '/';
}

/** A name in a directory. */
export function childOf(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

function join(base: string, names: readonly string[]): string {
  if (names.length === 0) return base;
  return `${base === '/' ? '' : base}/${names.join('/')}`;
}
