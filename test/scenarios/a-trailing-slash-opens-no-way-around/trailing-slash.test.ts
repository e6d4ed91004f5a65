// A slash after the last name makes the kernel follow a link that stands there. Every operation is
// given the name of a link, of a file, of a directory and of nothing, with slashes after it.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileRequest } from '../../../src/reach/files/files.ts';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';

function plant(root: string): { granted: string; outside: string } {
  const [granted, outside] = [join(root, 'granted'), join(root, 'outside')];
  mkdirSync(join(granted, 'dir'), { recursive: true });
  mkdirSync(join(outside, 'empty'), { recursive: true });
  writeFileSync(join(outside, 'secret'), 'outside');
  writeFileSync(join(granted, 'file'), 'inside');
  symlinkSync(outside, join(granted, 'link'));
  symlinkSync(join(outside, 'made'), join(granted, 'dangling'));
  return { granted, outside };
}

const open = (path: string, write: boolean): FileRequest => ({
  op: 'file-open',
  path,
  read: true,
  write,
  create: write,
  exclusive: false,
  truncate: false,
  prefetch: 0,
});

it('the naive form, which joins what it was given, lists outside and moves files there', () => {
  using tree = fileTree();
  const { granted, outside } = plant(tree.root);
  expect(lstatSync(join(granted, 'link')).isSymbolicLink()).toBe(true);
  // With the slash the leaf is no longer the link.
  expect(lstatSync(`${granted}/link/`).isDirectory()).toBe(true);
  expect(readdirSync(`${granted}/link/`)).toEqual(['empty', 'secret']);
  renameSync(`${granted}/dir/`, `${granted}/link/empty/`);
  expect(existsSync(join(granted, 'dir'))).toBe(false);
  expect(readdirSync(outside)).toEqual(['empty', 'secret']);
});

describe.each(['openat2', 'walk'] as const)('by %s', (way) => {
  it('nothing is read, made, moved or removed outside by any operation', async () => {
    using tree = fileTree();
    const { granted, outside } = plant(tree.root);
    await using files = await testFiles({ way });
    const permit = permitFor(granted);
    for (const slashes of ['/', '//', '/./', '/..', '/../']) {
      for (const name of ['link', 'dangling']) {
        const path = `/data/${name}${slashes}`;
        const requests: FileRequest[] = [
          { op: 'file-stat', path },
          { op: 'file-list', path },
          { op: 'file-read', path, offset: 0, length: 10 },
          { op: 'file-write', path, data: Buffer.from('x') },
          open(path, false),
          open(path, true),
          { op: 'file-make-directory', path },
          { op: 'file-remove', path, kind: 'file' },
          { op: 'file-remove', path, kind: 'directory' },
          { op: 'file-rename', from: path, to: '/data/moved' },
          { op: 'file-rename', from: '/data/dir', to: path },
          { op: 'file-rename', from: '/data/file', to: path },
          { op: 'file-times', target: path, modified: '1' },
        ];
        for (const request of requests) {
          const { reply } = await files.ask(permit, request);
          expect(reply.ok, `${request.op} ${path}`).toBe(false);
        }
      }
    }
    expect(readdirSync(outside).sort()).toEqual(['empty', 'secret']);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('outside');
    expect(readdirSync(granted).sort()).toEqual(['dangling', 'dir', 'file', 'link']);
    expect(readFileSync(join(granted, 'file'), 'utf8')).toBe('inside');
  });

  it('a file is no directory because a slash follows it', async () => {
    using tree = fileTree();
    const { granted } = plant(tree.root);
    await using files = await testFiles({ way });
    const permit = permitFor(granted);
    const path = '/data/file/';
    const requests: FileRequest[] = [
      { op: 'file-stat', path },
      { op: 'file-list', path },
      { op: 'file-read', path, offset: 0, length: 10 },
      { op: 'file-write', path, data: Buffer.from('x') },
      open(path, false),
      open(path, true),
      { op: 'file-make-directory', path },
      { op: 'file-remove', path, kind: 'file' },
      { op: 'file-remove', path, kind: 'directory' },
      { op: 'file-rename', from: path, to: '/data/moved' },
      { op: 'file-rename', from: '/data/dir', to: path },
    ];
    for (const request of requests) {
      expect((await files.ask(permit, request)).reply.ok, request.op).toBe(false);
    }
    expect(readFileSync(join(granted, 'file'), 'utf8')).toBe('inside');
    expect(lstatSync(join(granted, 'dir')).isDirectory()).toBe(true);
  });
});
