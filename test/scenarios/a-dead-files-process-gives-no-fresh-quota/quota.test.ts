// What one call may write and make is counted over all of its operations; the naive form counts in the
// process that writes, and forgets with it.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import type { FileRequest } from '../../../src/reach/files/files.ts';
import { fileTree } from '../../support/file-tree.ts';
import { type TestFiles, testFiles } from '../../support/files.ts';
import { callLimits, reachPermit } from '../../support/reach-permit.ts';

function permitOf(host: string, writeBytes: number, writeFiles: number): Permit {
  const grant = [{ host, guest: '/data' }];
  return reachPermit({
    read: grant,
    write: grant,
    limits: { ...callLimits(), writeBytes, writeFiles },
  });
}

const opening = (path: string): FileRequest => ({
  op: 'file-open',
  path,
  read: true,
  write: true,
  create: true,
  exclusive: false,
  truncate: false,
  prefetch: 0,
});

async function handleOf(files: TestFiles, permit: Permit, path: string): Promise<number> {
  const { reply } = await files.ask(permit, opening(path));
  if (!reply.ok || !('handle' in reply.value)) throw new Error(JSON.stringify(reply));
  return reply.value.handle;
}

it('bytes: just what is allowed is written, one more is not, whatever way they go', async () => {
  using tree = fileTree();
  await using files = await testFiles();
  const write = async (permit: Permit, path: string, bytes: number) =>
    (await files.write(permit, path, new Uint8Array(bytes))).reply;
  const permit = permitOf(tree.root, 100, 10);
  expect(await write(permit, '/data/a', 60)).toMatchObject({ ok: true });
  const handle = await handleOf(files, permit, '/data/b');
  const ask = async (request: FileRequest) => (await files.ask(permit, request)).reply;
  const data = new Uint8Array(40);
  expect(await ask({ op: 'file-write-at', handle, data })).toMatchObject({ ok: true });
  const refused = { ok: false, fault: 'no-space' };
  const one = new Uint8Array(1);
  expect(await ask({ op: 'file-write-at', handle, data: one })).toMatchObject(refused);
  // Neither over what stands there already, nor as a hole.
  expect(await ask({ op: 'file-write-at', handle, offset: 0, data: one })).toMatchObject(refused);
  expect(await ask({ op: 'file-resize', handle, size: 41 })).toMatchObject(refused);
  expect(await write(permit, '/data/a', 1)).toMatchObject(refused);
  expect(await ask({ op: 'file-close', handle })).toMatchObject({ ok: true });
  expect(statSync(join(tree.root, 'a')).size).toBe(60);
  expect(statSync(join(tree.root, 'b')).size).toBe(40);
});

it('bytes: a hole far beyond the end costs what it is long', async () => {
  using tree = fileTree();
  await using files = await testFiles();
  const permit = permitOf(tree.root, 100, 10);
  const handle = await handleOf(files, permit, '/data/a');
  const far: FileRequest = {
    op: 'file-write-at',
    handle,
    offset: 2 ** 40,
    data: new Uint8Array(1),
  };
  expect((await files.ask(permit, far)).reply).toMatchObject({ ok: false, fault: 'no-space' });
});

it('bytes: the copy of a file that is changed is paid for', async () => {
  using tree = fileTree();
  writeFileSync(join(tree.root, 'large'), Buffer.alloc(1000, 'x'));
  await using files = await testFiles();
  const permit = permitOf(tree.root, 100, 10);
  const handle = await handleOf(files, permit, '/data/large');
  const change: FileRequest = { op: 'file-write-at', handle, offset: 0, data: new Uint8Array(1) };
  expect((await files.ask(permit, change)).reply).toMatchObject({ ok: false, fault: 'no-space' });
  files.end(permit);
  await files.stat(permitOf(tree.root, 0, 0), '/data');
  expect(readFileSync(join(tree.root, 'large'), 'utf8')).toBe('x'.repeat(1000));
  expect(readdirSync(tree.root)).toEqual(['large']);
});

it('files: as many as allowed, directories among them, however they are made and removed', async () => {
  using tree = fileTree();
  await using files = await testFiles();
  const permit = permitOf(tree.root, 1000, 3);
  const ask = async (request: FileRequest) => (await files.ask(permit, request)).reply;
  expect(await ask({ op: 'file-make-directory', path: '/data/d' })).toMatchObject({ ok: true });
  const data = Buffer.from('x');
  expect(await ask({ op: 'file-write', path: '/data/d/a', data })).toMatchObject({ ok: true });
  await handleOf(files, permit, '/data/b');
  expect(await ask({ op: 'file-remove', path: '/data/d/a', kind: 'file' })).toMatchObject({
    ok: true,
  });
  const refused = { ok: false, fault: 'no-space' };
  expect(await ask(opening('/data/c'))).toMatchObject(refused);
  expect(await ask({ op: 'file-write', path: '/data/c', data })).toMatchObject(refused);
  expect(await ask({ op: 'file-make-directory', path: '/data/e' })).toMatchObject(refused);
});

it('handles: a call has so many open at once and no more', async () => {
  using tree = fileTree();
  writeFileSync(join(tree.root, 'file'), 'x');
  await using files = await testFiles();
  const permit = permitOf(tree.root, 0, 0);
  const open: FileRequest = {
    ...opening('/data/file'),
    write: false,
    create: false,
  } as FileRequest;
  let opened = 0;
  for (; opened < 10_000; opened += 1) {
    const { reply } = await files.ask(permit, open);
    if (reply.ok) continue;
    expect(reply.code).toBe('limit');
    break;
  }
  expect(opened).toBeGreaterThan(10);
  expect(opened).toBeLessThan(1024);
  // Another call is not in want of what this one holds.
  const other = await files.ask(permitOf(tree.root, 0, 0), open);
  expect(other.reply.ok).toBe(true);
});

it('a call whose files process died has spent what it had', async () => {
  using tree = fileTree();
  await using files = await testFiles();
  const permit = permitOf(tree.root, 100, 10);
  const data = new Uint8Array(60);
  const write = async (path: string) =>
    (await files.ask(permit, { op: 'file-write', path, data })).reply;
  expect(await write('/data/a')).toMatchObject({ ok: true });
  const [broker] = await files.files.processes();
  process.kill(broker?.pid ?? 0, 'SIGKILL');
  // Whatever the daemon noticed by now: nothing beyond the quota is ever written.
  for (const path of ['/data/b', '/data/c', '/data/d']) await write(path);
  const written = readdirSync(tree.root).map((name) => statSync(join(tree.root, name)).size);
  expect(written.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(100);
});
