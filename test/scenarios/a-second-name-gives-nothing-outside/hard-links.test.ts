// A hard link below a granted directory is a file outside of it. Reading one is as it is for everyone
// who may read the directory; through it nothing outside changes, and no operation makes one.

import { linkSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileRequest } from '../../../src/reach/files/files.ts';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';

function plant(root: string): { granted: string; outside: string } {
  const granted = join(root, 'granted');
  mkdirSync(granted);
  const outside = join(root, 'outside');
  writeFileSync(outside, 'outside');
  linkSync(outside, join(granted, 'hard'));
  writeFileSync(join(granted, 'file'), 'inside');
  return { granted, outside };
}

it('the naive form, which writes what the name leads to, changes the file outside', () => {
  using tree = fileTree();
  const { granted, outside } = plant(tree.root);
  writeFileSync(join(granted, 'hard'), 'changed');
  expect(readFileSync(outside, 'utf8')).toBe('changed');
});

describe.each(['openat2', 'walk'] as const)('by %s', (way) => {
  it('no operation changes what has a second name, nor puts another in its place', async () => {
    using tree = fileTree();
    const { granted, outside } = plant(tree.root);
    await using files = await testFiles({ way });
    const permit = permitFor(granted);
    const path = '/data/hard';
    const open = { op: 'file-open', path, prefetch: 0 } as const;
    const requests: FileRequest[] = [
      { op: 'file-write', path, data: Buffer.from('changed') },
      { ...open, read: true, write: true, create: false, exclusive: false, truncate: false },
      { ...open, read: false, write: true, create: true, exclusive: false, truncate: true },
      { op: 'file-times', target: path, modified: '1000' },
      { op: 'file-rename', from: '/data/file', to: path },
    ];
    const before = statSync(outside, { bigint: true });
    for (const request of requests) {
      const { reply } = await files.ask(permit, request);
      expect(reply, request.op).toMatchObject({ ok: false, code: 'denied' });
    }
    const after = statSync(outside, { bigint: true });
    expect([after.mtimeNs, after.nlink, after.size]).toEqual([
      before.mtimeNs,
      before.nlink,
      before.size,
    ]);
    expect(readFileSync(outside, 'utf8')).toBe('outside');
  });

  it('a name that was linked after the file was opened loses the link, never the file outside', async () => {
    using tree = fileTree();
    const { granted, outside } = plant(tree.root);
    await using files = await testFiles({ way });
    const permit = permitFor(granted);
    const opened = await files.ask(permit, {
      op: 'file-open',
      path: '/data/file',
      read: true,
      write: true,
      create: false,
      exclusive: false,
      truncate: false,
      prefetch: 0,
    });
    const handle =
      opened.reply.ok && 'handle' in opened.reply.value ? opened.reply.value.handle : 0;
    await files.ask(permit, { op: 'file-write-at', handle, data: Buffer.from('changed') });
    linkSync(outside, join(granted, 'swap'));
    renameSync(join(granted, 'swap'), join(granted, 'file'));
    await files.ask(permit, { op: 'file-close', handle });
    expect(readFileSync(outside, 'utf8')).toBe('outside');
  });
});
