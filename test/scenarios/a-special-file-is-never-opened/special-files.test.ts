// FIFOs, devices, sockets and windows into the kernel below a granted directory: an open would wait
// for ever, act on a device, or read what is no file.

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileRequest } from '../../../src/reach/files/files.ts';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';

const NAIVE_MS = 1000;

function requests(path: string): readonly FileRequest[] {
  const how = { create: false, exclusive: false, truncate: false, prefetch: 10 };
  return [
    { op: 'file-stat', path },
    { op: 'file-read', path, offset: 0, length: 10 },
    { op: 'file-open', path, read: true, write: false, ...how },
    { op: 'file-open', path, read: true, write: true, ...how },
    { op: 'file-open', path, read: false, write: true, ...how, create: true, truncate: true },
    { op: 'file-write', path, data: Buffer.from('x') },
    { op: 'file-times', target: path, modified: '1' },
    { op: 'file-rename', from: path, to: '/data/moved' },
    { op: 'file-rename', from: '/data/file', to: path },
    { op: 'file-remove', path, kind: 'file' },
  ];
}

it('the naive form, which opens what the name says, never comes back from a FIFO', () => {
  using tree = fileTree();
  const fifo = join(tree.root, 'fifo');
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
  const script = `require('node:fs').openSync(${JSON.stringify(fifo)}, 'r')`;
  const { signal } = spawnSync(process.execPath, ['-e', script], { timeout: NAIVE_MS });
  expect(signal).toBe('SIGTERM');
});

describe.each(['openat2', 'walk'] as const)('by %s', (way) => {
  it('FIFOs, sockets and devices are refused by every operation, at once', async () => {
    using tree = fileTree();
    writeFileSync(join(tree.root, 'file'), 'inside');
    const names = ['fifo', 'socket'];
    expect(spawnSync('mkfifo', [join(tree.root, 'fifo')]).status).toBe(0);
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(join(tree.root, 'socket'), resolve);
    });
    // Device nodes are root's to make.
    if (spawnSync('mknod', [join(tree.root, 'zero'), 'c', '1', '5']).status === 0) {
      names.push('zero');
    }
    await using files = await testFiles({ way });
    const permit = permitFor(tree.root);
    try {
      for (const name of names) {
        for (const request of requests(`/data/${name}`)) {
          const { reply } = await files.ask(permit, request);
          expect(reply, `${request.op} ${name}`).toMatchObject({ ok: false, code: 'denied' });
        }
      }
      const { reply } = await files.list(permit, '/data');
      expect(reply).toMatchObject({ value: { entries: [{ name: 'file', kind: 'file' }] } });
      expect(readFileSync(join(tree.root, 'file'), 'utf8')).toBe('inside');
    } finally {
      server.close();
      rmSync(join(tree.root, 'zero'), { force: true });
    }
  });

  it.each(['/proc/self', '/proc/1', '/proc/sys/kernel', '/sys/kernel', '/dev'])(
    'nothing below %s is given, granted or not',
    async (host) => {
      await using files = await testFiles({ way });
      for (const [granted, prefix] of [
        [host, '/data'],
        ['/', `/data${host}`],
      ] as const) {
        for (const name of ['environ', 'mem', 'cmdline', 'ostype', 'notes', 'zero', 'fd/0']) {
          const { reply } = await files.read(permitFor(granted), `${prefix}/${name}`, 0, 10);
          expect(reply.ok, `${prefix}/${name}`).toBe(false);
        }
      }
    },
  );
});
