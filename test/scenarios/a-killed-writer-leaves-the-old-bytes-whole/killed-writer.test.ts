// A process that is killed while it writes a file: the old bytes stand whole, nothing half written is
// ever seen, and what was left in the directory is hidden from guests and taken away.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { FileRequest, FilesSession } from '../../../src/reach/files/files.ts';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';

const OLD = 'old '.repeat(1000);
const NEW = 'new!'.repeat(1000);

const openToWrite: FileRequest = {
  op: 'file-open',
  path: '/data/file',
  read: false,
  write: true,
  create: true,
  exclusive: false,
  truncate: true,
  prefetch: 0,
};

async function handleOf(session: FilesSession, signal: AbortSignal): Promise<number> {
  const reply = await session.serve(openToWrite, signal);
  if (!reply.ok || !('handle' in reply.value)) throw new Error(JSON.stringify(reply));
  return reply.value.handle;
}

it('the naive form, which writes in place, leaves half of it when it is killed', async () => {
  using tree = fileTree();
  const path = join(tree.root, 'file');
  writeFileSync(path, OLD);
  const script =
    `const fs = require('node:fs'); const fd = fs.openSync(${JSON.stringify(path)}, 'w');` +
    `fs.writeSync(fd, 'new!'); setInterval(() => {}, 1000);`;
  const writer = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  while (readFileSync(path, 'utf8') !== 'new!') await pause(5);
  const gone = once(writer, 'exit');
  writer.kill('SIGKILL');
  await gone;
  expect(readFileSync(path, 'utf8')).toBe('new!');
});

it.each([
  ['the process that writes', true],
  ['the call', false],
])(
  '%s is ended between two writes: old bytes, whole, and nothing else to see',
  async (_, kills) => {
    using tree = fileTree();
    const path = join(tree.root, 'file');
    writeFileSync(path, OLD);
    await using files = await testFiles();
    const { signal } = new AbortController();
    const session = files.files.open(permitFor(tree.root), () => undefined);
    const handle = await handleOf(session, signal);
    const data = Buffer.from(NEW);
    expect((await session.serve({ op: 'file-write-at', handle, data }, signal)).ok).toBe(true);
    // On the disk, but under no name that a guest has.
    expect(readdirSync(tree.root)).toHaveLength(2);
    const other = permitFor(tree.root);
    expect((await files.list(other, '/data')).reply).toMatchObject({
      value: { entries: [{ name: 'file' }] },
    });
    expect(readFileSync(path, 'utf8')).toBe(OLD);

    if (kills) {
      const [broker] = await files.files.processes();
      process.kill(broker?.pid ?? 0, 'SIGKILL');
      expect((await session.serve({ op: 'file-close', handle }, signal)).ok).toBe(false);
      expect(readFileSync(path, 'utf8')).toBe(OLD);
      const later = permitFor(tree.root);
      expect((await files.list(later, '/data')).reply).toMatchObject({
        value: { entries: [{ name: 'file' }] },
      });
      // The next write to the directory takes away what the dead process left.
      await files.write(later, '/data/other', Buffer.from('x'));
      expect(readdirSync(tree.root).sort()).toEqual(['file', 'other']);
    } else {
      session.close();
      // Served after it.
      await files.write(permitFor(tree.root), '/data/other', Buffer.from('x'));
      expect(readdirSync(tree.root).sort()).toEqual(['file', 'other']);
    }
    expect(readFileSync(path, 'utf8')).toBe(OLD);
  },
);

it('two calls that write one file: each puts its own in place whole, the later one stays', async () => {
  using tree = fileTree();
  const path = join(tree.root, 'file');
  writeFileSync(path, OLD);
  await using files = await testFiles();
  const { signal } = new AbortController();
  const sessions = ['a', 'b'].map((letter) => ({
    letter,
    session: files.files.open(permitFor(tree.root), () => undefined),
    handle: 0,
  }));
  for (const each of sessions) each.handle = await handleOf(each.session, signal);
  for (let round = 0; round < 10; round += 1) {
    for (const { letter, session, handle } of sessions) {
      const data = Buffer.from(letter.repeat(100));
      expect((await session.serve({ op: 'file-write-at', handle, data }, signal)).ok).toBe(true);
      expect(readFileSync(path, 'utf8')).toBe(OLD);
    }
  }
  const inodes = [statSync(path).ino];
  for (const { letter, session, handle } of sessions) {
    expect((await session.serve({ op: 'file-close', handle }, signal)).ok).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(letter.repeat(1000));
    inodes.push(statSync(path).ino);
  }
  expect(new Set(inodes).size).toBe(3);
  expect(readdirSync(tree.root)).toEqual(['file']);
});
