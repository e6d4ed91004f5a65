// A second process swaps a file and its directory for links to outside while guests open them.
// WARDER_FUZZ=1 runs the count an evening's attack would.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type FileTree, fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';

const OPENS = process.env['WARDER_FUZZ'] === '1' ? 400_000 : 6000;

interface Arena extends AsyncDisposable {
  readonly granted: string;
  readonly outside: string;
}

function plant(tree: FileTree): { granted: string; outside: string } {
  const granted = join(tree.root, 'granted');
  const outside = join(tree.root, 'outside');
  mkdirSync(join(granted, 'parent'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(granted, 'leaf'), 'inside');
  writeFileSync(join(granted, 'parent/file'), 'inside');
  writeFileSync(join(outside, 'file'), 'outside');
  return { granted, outside };
}

async function attackedArena(): Promise<Arena> {
  const tree = fileTree();
  const { granted, outside } = plant(tree);
  const swapper = spawn(
    process.execPath,
    [join(import.meta.dirname, 'swapper.mjs'), granted, outside],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(swapper.stdout, 'data');
  return {
    granted,
    outside,
    async [Symbol.asyncDispose]() {
      const gone = once(swapper, 'exit');
      swapper.kill('SIGKILL');
      await gone;
      tree[Symbol.dispose]();
    },
  };
}

it('the naive form, which resolves first and opens then, reads outside when swapped between', () => {
  using tree = fileTree();
  const { granted, outside } = plant(tree);
  const real = realpathSync(join(granted, 'parent/file'));
  expect(real.startsWith(`${granted}/`)).toBe(true);
  renameSync(join(granted, 'parent'), join(granted, 'parent-kept'));
  symlinkSync(outside, join(granted, 'parent'));
  expect(readFileSync(real, 'utf8')).toBe('outside');
});

it('the half-way form, which refuses a link only as the last name, reads outside under attack', async () => {
  await using arena = await attackedArena();
  let outside = 0;
  const until = performance.now() + 10_000;
  while (outside === 0 && performance.now() < until) {
    try {
      const path = join(arena.granted, 'parent/file');
      const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      const bytes = Buffer.alloc(10);
      const got = readSync(descriptor, bytes, 0, 10, 0);
      closeSync(descriptor);
      if (bytes.toString('utf8', 0, got) === 'outside') outside += 1;
    } catch {
      // Nothing has that name for a moment.
    }
  }
  expect(outside).toBeGreaterThan(0);
});

it(`none of ${OPENS} opens through descriptors reads, lists or writes outside under attack`, async () => {
  await using arena = await attackedArena();
  await using files = await testFiles();
  const permit = permitFor(arena.granted);
  const seen = { inside: 0, denied: 0, 'not-found': 0 };
  for (let at = 0; at < OPENS; at += 1) {
    const path = at % 2 === 0 ? '/data/leaf' : '/data/parent/file';
    const { reply } = await files.read(permit, path, 0, 10);
    if (reply.ok) {
      expect(Buffer.from(reply.bytes ?? []).toString()).toBe('inside');
      seen.inside += 1;
    } else if (reply.code === 'denied' || reply.code === 'not-found') {
      seen[reply.code] += 1;
    } else {
      throw new Error(reply.message);
    }
  }
  // The attack was under way: links were met, and so were the true files.
  expect(seen.denied).toBeGreaterThan(0);
  expect(seen.inside).toBeGreaterThan(0);

  for (let at = 0; at < OPENS / 20; at += 1) {
    const { reply } = await files.list(permit, '/data/parent');
    const names = reply.ok && 'entries' in reply.value ? reply.value.entries : [];
    expect(names.every(({ name }) => name === 'file' || name.startsWith('new'))).toBe(true);
    await files.write(permit, `/data/parent/new-${at % 3}`, Buffer.from('written'));
    await files.write(permit, '/data/parent/file', Buffer.from('inside'));
  }
  expect(readdirSync(arena.outside)).toEqual(['file']);
  expect(readFileSync(join(arena.outside, 'file'), 'utf8')).toBe('outside');
}, 600_000);
