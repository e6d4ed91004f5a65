// Says whether dist was built from the sources as they are now: a digest over every input of the
// build, kept in dist itself. Plain ESM for the machine's own Node.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const inputs = [
  'src',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build.mjs',
  'scripts/bundle.mjs',
];

/** The stamp's name inside dist. */
export const stampName = '.build-stamp';

function files(root, path) {
  const entries = readdirSync(join(root, path), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const below = `${path}/${entry.name}`;
    return entry.isDirectory() ? files(root, below) : [below];
  });
}

/** Hex digest over the names and bytes of everything the build reads in `root`. */
export function sourceDigest(root) {
  const hash = createHash('sha256');
  const named = inputs.flatMap((path) => (path === 'src' ? files(root, path) : [path]));
  for (const path of named.sort()) {
    if (!existsSync(join(root, path))) continue;
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** True when `root`/dist was built from exactly these sources. */
export function isBuilt(root) {
  const stamp = join(root, 'dist', stampName);
  return existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === sourceDigest(root);
}
