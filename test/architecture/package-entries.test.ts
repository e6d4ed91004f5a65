// The package's entries: each file that opens the house is exported, with its types, and nothing else.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { repository } from './planted-tree.ts';

const read = (path: string): unknown => JSON.parse(readFileSync(join(repository, path), 'utf8'));

const own = read('package.json') as { readonly exports?: Readonly<Record<string, unknown>> };
const rooms = read('scripts/rooms.json') as { readonly entries: Readonly<Record<string, string>> };

/** Entries that come as one file for browsers, too. */
const BROWSER = ['verify'];

test('the exports of package.json are the entries in src', () => {
  const entries = Object.keys(rooms.entries)
    .filter((file) => existsSync(join(repository, 'src', file)))
    .map((file) => file.replace(/\.ts$/, ''));
  const wanted = entries.map((name) => [
    name === 'index' ? '.' : `./${name}`,
    {
      types: `./dist/${name}.d.ts`,
      ...(BROWSER.includes(name) ? { browser: `./dist/${name}.browser.js` } : {}),
      default: `./dist/${name}.js`,
    },
  ]);
  expect(own.exports ?? {}).toEqual(Object.fromEntries(wanted));
});
