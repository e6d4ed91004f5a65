// Whether anybody but root could change what a path names, or what lies below it.

import { type Dirent, lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** Permission to write, of the group or of everybody. */
const OTHERS_WRITE = 0o022;

/**
 * Why somebody besides root could put something else at `path`, as a text; undefined when nobody can.
 * Every directory on the way counts, with links and where they lead.
 */
export function weakPoint(path: string): string | undefined {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return `\`${path}\` cannot be found`;
  }
  for (const one of new Set([...upwards(path), ...upwards(real)])) {
    const weak = weakness(one, lstatSync(one));
    if (weak !== undefined) return weak;
  }
  return undefined;
}

/** {@link weakPoint} of a directory and of everything below it. */
export function weakPointBelow(directory: string): string | undefined {
  const above = weakPoint(directory);
  if (above !== undefined) return above;
  const root = realpathSync(directory);
  return weakEntry(root, root);
}

function weakEntry(root: string, directory: string): string | undefined {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const weak = weakness(path, lstatSync(path)) ?? weakBelow(root, path, entry);
    if (weak !== undefined) return weak;
  }
  return undefined;
}

function weakBelow(root: string, path: string, entry: Dirent): string | undefined {
  if (entry.isDirectory()) return weakEntry(root, path);
  return entry.isSymbolicLink() && leadsOut(root, path) ? weakPoint(path) : undefined;
}

function leadsOut(root: string, link: string): boolean {
  try {
    return !realpathSync(link).startsWith(root + sep);
  } catch {
    // Nothing is there; what could be put there, weakPoint says.
    return true;
  }
}

function weakness(path: string, stats: Stats): string | undefined {
  if (stats.uid !== 0) return `\`${path}\` belongs to user ${stats.uid}, not to root`;
  // The mode of a link says nothing. With an access control list the group's part is its mask.
  if (stats.isSymbolicLink() || (stats.mode & OTHERS_WRITE) === 0) return undefined;
  return `\`${path}\` can be written by others than root`;
}

/** The path itself and every directory above it. */
function upwards(path: string): readonly string[] {
  const above = dirname(path);
  return above === path ? [path] : [path, ...upwards(above)];
}
