// Symbolic links below a granted directory, as the last name and in the middle, relative and absolute,
// through `.` and `..`, dangling and in a ring: whoever planted them, no operation follows one, and
// no guest can plant any. (A guest of the Extism SDK made `.` -> s, then `s/..` -> e, and had the host.)

import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileRequest } from '../../../src/reach/files/files.ts';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';
import { countTouches } from '../../support/touch-counter.ts';

const LINKS: readonly (readonly [name: string, to: string])[] = [
  ['s', '.'],
  ['e', 's/..'],
  ['up', '..'],
  ['absolute', '/'],
  ['outdir', '../outside'],
  ['outfile', '../outside/secret'],
  ['dangling', '../outside/made'],
  ['ring', 'ring'],
  ['sub/e', '../..'],
];

const PATHS = [
  's/file',
  'e/outside/secret',
  's/s/s/e/outside/secret',
  'up/outside/secret',
  'absolute/etc/hostname',
  'outdir/secret',
  'outdir/made',
  'outdir',
  'outfile',
  'dangling',
  'ring',
  'ring/file',
  'sub/e/outside/secret',
];

function plant(root: string): { granted: string; outside: string } {
  const [granted, outside] = [join(root, 'granted'), join(root, 'outside')];
  mkdirSync(join(granted, 'sub'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'outside');
  writeFileSync(join(granted, 'file'), 'inside');
  for (const [name, to] of LINKS) symlinkSync(to, join(granted, name));
  return { granted, outside };
}

function requests(path: string): readonly FileRequest[] {
  const opening = { op: 'file-open', path, prefetch: 100 } as const;
  const no = { create: false, exclusive: false, truncate: false };
  return [
    { op: 'file-stat', path },
    { op: 'file-list', path },
    { op: 'file-read', path, offset: 0, length: 100 },
    { op: 'file-write', path, data: Buffer.from('x') },
    { ...opening, ...no, read: true, write: false },
    { ...opening, ...no, read: true, write: true },
    { ...opening, read: false, write: true, create: true, exclusive: false, truncate: true },
    { ...opening, read: false, write: true, create: true, exclusive: true, truncate: false },
    { op: 'file-make-directory', path },
    { op: 'file-times', target: path, accessed: '1', modified: '1' },
    { op: 'file-remove', path, kind: 'file' },
    { op: 'file-remove', path, kind: 'directory' },
    { op: 'file-rename', from: path, to: '/data/moved' },
    { op: 'file-rename', from: '/data/file', to: path },
    { op: 'file-rename', from: '/data/sub', to: path },
  ];
}

it('the naive form, a path joined to the directory, is outside by most of them', () => {
  using tree = fileTree();
  const { granted } = plant(tree.root);
  const read = PATHS.flatMap((path) => {
    try {
      return [readFileSync(join(granted, path), 'utf8')];
    } catch {
      return [];
    }
  });
  expect(read.filter((text) => text === 'outside').length).toBeGreaterThan(4);
});

describe.each(['openat2', 'walk'] as const)('by %s', (way) => {
  it('no operation follows, replaces, moves or removes one', async () => {
    using tree = fileTree();
    const { granted, outside } = plant(tree.root);
    const before = readdirSync(granted).sort();
    using touches = countTouches(outside);
    await using files = await testFiles({ way });
    const permit = permitFor(granted);
    for (const path of PATHS) {
      for (const request of requests(`/data/${path}`)) {
        const { reply } = await files.ask(permit, request);
        expect(reply.ok, `${request.op} ${path}`).toBe(false);
      }
    }
    expect(touches.count()).toBe(0);
    expect(readdirSync(granted).sort()).toEqual(before);
    for (const [name] of LINKS) expect(lstatSync(join(granted, name)).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(granted, 'file'), 'utf8')).toBe('inside');
    expect(readdirSync(outside)).toEqual(['secret']);
    const { reply } = await files.list(permit, '/data');
    expect(reply).toMatchObject({ value: { entries: [{ name: 'file' }, { name: 'sub' }] } });
  });
});
