// The house as data: which room a source file stands in, and what that room may import.
// Reads scripts/rooms.json; knows nothing of the linter.

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const source = join(root, 'src');

/** The table in scripts/rooms.json. */
export const house = JSON.parse(readFileSync(join(root, 'scripts', 'rooms.json'), 'utf8'));

const ownName = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name;
const stepOf = new Map(house.steps.flatMap((rooms, step) => rooms.map((room) => [room, step])));
const nodeFree = new Set(house.nodeFree.rooms);

/** The path of an absolute file name below src, with forward slashes; undefined outside of it. */
export function belowSource(file) {
  const path = relative(source, file).split(sep).join('/');
  return path.startsWith('../') || path === '..' ? undefined : path;
}

/** True when `path` is that room (or folder) or lies in it. */
export function within(path, room) {
  return path === room || path.startsWith(`${room}/`);
}

/** The room that a path below src stands in: its longest listed folder; entries as the table says. */
export function roomOf(path) {
  if (!path.includes('/')) return house.entries[path];
  let best;
  for (const room of stepOf.keys()) {
    if (path.startsWith(`${room}/`) && (best === undefined || room.length > best.length))
      best = room;
  }
  return best;
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function wrongRoom(path, target) {
  const from = roomOf(path);
  const to = roomOf(target);
  if (to === undefined) return `\`${target}\` stands in no room of scripts/rooms.json`;
  if (house.entries[target] !== undefined && !target.includes('/')) {
    return `a room may not import the package entry \`${target}\``;
  }
  if (nodeFree.has(from) && !nodeFree.has(to)) {
    return `\`${from}\` must run without Node and may not reach \`${to}\``;
  }
  if (from === to || stepOf.get(to) < stepOf.get(from)) return undefined;
  return stepOf.get(to) === stepOf.get(from)
    ? `\`${from}\` may not import its sibling \`${to}\``
    : `\`${from}\` may not import \`${to}\`, which stands after it`;
}

/**
 * Says what is wrong with the file at `path` (below src) importing `specifier`; undefined when
 * nothing is.
 */
export function importFault(path, specifier) {
  const from = roomOf(path);
  if (from === undefined) return undefined;
  if (/^\.{1,2}(\/|$)/.test(specifier)) {
    const target = posix.join(posix.dirname(path), specifier);
    if (target.startsWith('../')) return `\`${specifier}\` leaves src`;
    return wrongRoom(path, target);
  }
  if (/^[/#\\]/.test(specifier) || packageOf(specifier) === ownName) {
    return `\`${specifier}\` hides which room is imported: use a relative path`;
  }
  if (isBuiltin(specifier)) {
    return nodeFree.has(from)
      ? `\`${from}\` must run without Node and may not import \`${specifier}\``
      : undefined;
  }
  if (specifier.includes(':')) return `\`${specifier}\` is not a package or a relative path`;
  if (nodeFree.has(from) && !house.nodeFree.packages.includes(packageOf(specifier))) {
    return `\`${from}\` must run without Node: \`${packageOf(specifier)}\` is not on its list`;
  }
  return undefined;
}

/** True when the file at `path` may use that kind of ambient thing (see `ambient` in the table). */
export function mayUse(path, kind) {
  const { only, never } = house.ambient[kind];
  const place = house.entries[path] ?? path;
  return only === undefined
    ? !never.some((room) => within(place, room))
    : only.some((room) => within(place, room));
}

/** True when the file at `path` must run without Node. */
export function isNodeFree(path) {
  return nodeFree.has(roomOf(path));
}
