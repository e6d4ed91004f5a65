// A directory that is moved out of what was granted while a call writes a file in it: what is put in
// place after that would land outside.

import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FileTree, fileTree, permitFor } from '../../support/file-tree.ts';
import { type TestFiles, testFiles } from '../../support/files.ts';
import type { Permit } from '../../../src/decide/policy/permit.ts';

function plant(tree: FileTree): { granted: string; outside: string } {
  const [granted, outside] = [join(tree.root, 'granted'), join(tree.root, 'outside')];
  mkdirSync(join(granted, 'a/b'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(granted, 'a/b/file'), 'old');
  return { granted, outside };
}

async function stage(files: TestFiles, permit: Permit, path: string): Promise<number> {
  const { reply } = await files.ask(permit, {
    op: 'file-open',
    path,
    read: false,
    write: true,
    create: true,
    exclusive: false,
    truncate: true,
    prefetch: 0,
  });
  if (!reply.ok || !('handle' in reply.value)) throw new Error(JSON.stringify(reply));
  const { handle } = reply.value;
  await files.ask(permit, { op: 'file-write-at', handle, data: Buffer.from('new') });
  return handle;
}

it('the naive form, which holds the file open, writes it where it is by then', async () => {
  using tree = fileTree();
  const { granted, outside } = plant(tree);
  const file = await open(join(granted, 'a/b/file'), 'r+');
  renameSync(join(granted, 'a'), join(outside, 'a'));
  await file.write('new');
  await file.close();
  expect(readFileSync(join(outside, 'a/b/file'), 'utf8')).toBe('new');
});

describe.each(['openat2', 'walk'] as const)('by %s', (way) => {
  it.each(['file-close', 'file-sync'] as const)(
    'the directory, or one above it, is outside at %s: nothing is put in place there',
    async (op) => {
      for (const moved of ['a', 'a/b']) {
        using tree = fileTree();
        const { granted, outside } = plant(tree);
        await using files = await testFiles({ way });
        const permit = permitFor(granted);
        const handles = [
          await stage(files, permit, '/data/a/b/file'),
          await stage(files, permit, '/data/a/b/made'),
        ];
        renameSync(join(granted, moved), join(outside, 'moved'));
        const at = join(outside, 'moved', moved === 'a' ? 'b' : '');
        for (const handle of handles) {
          const { reply } = await files.ask(permit, { op, handle });
          expect(reply.ok, op).toBe(false);
        }
        files.end(permit);
        await files.stat(permitFor(granted), '/data');
        expect(readFileSync(join(at, 'file'), 'utf8')).toBe('old');
        expect(readdirSync(at)).toEqual(['file']);
      }
    },
  );

  it('a directory that the call itself renames takes the file along', async () => {
    using tree = fileTree();
    const { granted } = plant(tree);
    await using files = await testFiles({ way });
    const permit = permitFor(granted);
    const handle = await stage(files, permit, '/data/a/b/file');
    const rename = { op: 'file-rename', from: '/data/a', to: '/data/c' } as const;
    expect((await files.ask(permit, rename)).reply).toMatchObject({ ok: true });
    expect((await files.ask(permit, { op: 'file-close', handle })).reply).toMatchObject({
      ok: true,
    });
    expect(readFileSync(join(granted, 'c/b/file'), 'utf8')).toBe('new');
  });
});
