// Guest paths: one spelling per file, and the granted directory each lies in.

import type { DirectoryGrant } from '../../../catalog/installation.ts';
import { isTemporaryName } from './temporary-name.ts';
import { FilesRefusal } from '../refusal.ts';

/** A guest path that was checked: the granted directory, and the names to walk below it. */
export interface GuestPlace {
  /** The path as asked, safe to show. */
  readonly path: string;
  readonly grant: DirectoryGrant;
  /** Names below the granted directory; empty for the directory itself. */
  readonly names: readonly string[];
}

const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;

/**
 * Names of an absolute path: `/` separated, without empty, `.` and `..` parts, NUL, other control
 * characters and backslashes. Nothing is decoded or normalised: `%2e%2e` is a name of six characters.
 *
 * @throws FilesRefusal `invalid`.
 */
export function parseGuestPath(path: string): string[] {
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new FilesRefusal('invalid', 'a path must be absolute, such as `/data/notes.txt`');
  }
  if (path.length > MAX_PATH_BYTES || Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new FilesRefusal('invalid', `a path may have ${MAX_PATH_BYTES} bytes`);
  }
  if (path === '/') return [];
  const names = path.slice(1).split('/');
  for (const name of names) {
    if (!isSpeakable(name)) {
      throw new FilesRefusal(
        'invalid',
        'a path must have no empty, `.` or `..` parts, no backslash and no control characters',
      );
    }
    if (isTemporaryName(name)) throw new FilesRefusal('not-found', `\`${path}\` does not exist`);
  }
  return names;
}

/** Whether a name can stand in a guest path; listings leave out the others. */
export function isSpeakable(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    // Control characters, NUL among them, `/` and `\`.
    !/[\p{Cc}/\\]/u.test(name) &&
    // A lone surrogate would be written to disk as U+FFFD: another name.
    name.isWellFormed() &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES
  );
}

/**
 * Finds the granted directory a guest path lies in: the one with the longest guest path.
 *
 * @param remedy what the operator can do, for the refusal.
 * @throws FilesRefusal `invalid` or `denied`.
 */
export function locate(
  path: string,
  grants: readonly DirectoryGrant[],
  remedy: string,
): GuestPlace {
  const names = parseGuestPath(path);
  let best: { readonly grant: DirectoryGrant; readonly depth: number } | undefined;
  for (const grant of grants) {
    const root = parseGuestPath(grant.guest);
    const holds = root.length <= names.length && root.every((name, at) => name === names[at]);
    if (holds && (best === undefined || root.length > best.depth)) {
      best = { grant, depth: root.length };
    }
  }
  if (best === undefined) {
    const granted = grants.map(({ guest }) => `\`${guest}\``).join(', ') || 'nothing';
    throw new FilesRefusal(
      'denied',
      `\`${path}\` is outside of what this call may reach (${granted}); ${remedy}`,
    );
  }
  return { path, grant: best.grant, names: names.slice(best.depth) };
}
