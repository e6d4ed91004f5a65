// The house as it stands: what only the whole tree can show.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { build } from 'esbuild';
import { expect, test } from 'vitest';

import { repository } from './planted-tree.ts';

interface Table {
  readonly steps: readonly (readonly string[])[];
  readonly nodeFree: { readonly rooms: readonly string[] };
}

const table = JSON.parse(readFileSync(join(repository, 'scripts/rooms.json'), 'utf8')) as Table;

function sources(folder: string): string[] {
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

test('the rooms that must run without Node bundle for a browser', async () => {
  const rooms = new Set(table.nodeFree.rooms.map((room) => join(repository, 'src', room)));
  const entryPoints = sources('src').filter((file) =>
    [...rooms].some((room) => file.startsWith(room)),
  );
  expect(entryPoints).not.toEqual([]);
  const built = await build({
    entryPoints,
    bundle: true,
    write: false,
    outdir: join(repository, '.cache', 'browser'),
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  expect(built.errors).toEqual([]);
});

test('no source file silences the room rules', () => {
  const silenced = sources('src').filter((file) => {
    const comments = readFileSync(file, 'utf8').match(/(ox|es)lint-disable.*$/gm) ?? [];
    return comments.some((text) => text.includes('house/') || !/disable\S*\s+[a-z]/.test(text));
  });
  expect(silenced).toEqual([]);
});

test('each room is listed once', () => {
  const rooms = table.steps.flat();
  expect(new Set(rooms).size).toBe(rooms.length);
});

test('only executors compile WebAssembly, only transpilers read components with jco', () => {
  // Cedar's own module is ours, and nobody else's bytes.
  const compilers = /^src\/(?:run\/sandbox\/executor\/|decide\/policy\/cedar\.ts$)/;
  const generators = /^src\/run\/sandbox\/transpile\//;
  const strays = sources('src').filter((file) => {
    const path = relative(repository, file);
    const code = readFileSync(file, 'utf8')
      .replace(/\/\*[^]*?\*\//g, '')
      .replace(/\/\/.*$/gm, '')
      .replace(/`[^`]*`/g, '``');
    const compiles = /\bWebAssembly\b(?!['" ])/.test(code) || /['"]@extism\//.test(code);
    const generates = /['"]@bytecodealliance\//.test(code);
    return (compiles && !compilers.test(path)) || (generates && !generators.test(path));
  });
  expect(strays).toEqual([]);
});
