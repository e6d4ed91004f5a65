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
import type { FileRequest } from '../../../src/reach/files/files.ts';
import { type FileTree, fileTree, permitFor } from '../../support/file-tree.ts';
import { type TestFiles, testFiles } from '../../support/files.ts';
import { countTouches } from '../../support/touch-counter.ts';

const OPENS = process.env['WARDER_FUZZ'] === '1' ? 10_000_000 : 12_000;
const IN_FLIGHT = 8;

interface Seen {
  inside: number;
  refused: number;
}

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
  using touches = countTouches(arena.outside);
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
  expect(touches.count()).toBeGreaterThan(0);
});

/** Every operation on a path that is swapped; what each may answer. */
function operation(at: number): FileRequest {
  const name = at % 3 === 0 ? 'leaf' : 'parent/file';
  const path = `/data/${name}`;
  const opening = { op: 'file-open', path, exclusive: false, prefetch: 10 } as const;
  switch (at % 32) {
    case 4:
      return { op: 'file-write', path: '/data/parent/new', data: Buffer.from('inside') };
    case 8:
      return { op: 'file-list', path: '/data/parent' };
    case 12:
      return { op: 'file-stat', path };
    case 16:
      return { op: 'file-make-directory', path: '/data/parent/made' };
    case 20:
      return { op: 'file-remove', path: '/data/parent/made', kind: 'directory' };
    case 24:
      return { op: 'file-rename', from: '/data/parent/new', to: '/data/parent/newer' };
    case 28:
      return { op: 'file-times', target: path, modified: '1000' };
    case 30:
      return { ...opening, read: true, write: true, create: false, truncate: false };
    default:
      return at % 2 === 0
        ? { op: 'file-read', path, offset: 0, length: 10 }
        : { ...opening, read: true, write: false, create: false, truncate: false };
  }
}

async function attacker(files: TestFiles, granted: string, opens: number): Promise<Seen> {
  const seen: Seen = { inside: 0, refused: 0 };
  let permit = permitFor(granted);
  for (let at = 0; at < opens; at += 1) {
    // A call holds the granted directory, and a handle or two: a new one now and then.
    if (at % 100 === 99) {
      files.end(permit);
      permit = permitFor(granted);
    }
    const request = operation(at);
    const { reply } = await files.ask(permit, request);
    if (!reply.ok) {
      if (reply.code === 'failed') throw new Error(`${request.op}: ${reply.message}`);
      seen.refused += 1;
      continue;
    }
    seen.inside += 1;
    const text = Buffer.from(reply.bytes ?? []).toString();
    if (reply.bytes !== undefined && text !== 'inside') throw new Error(`${request.op}: ${text}`);
  }
  files.end(permit);
  return seen;
}

it.each(['openat2', 'walk'] as const)(
  `by %s: none of ${OPENS / 2} operations touches anything outside under attack, as the kernel counts`,
  async (way) => {
    await using arena = await attackedArena();
    using touches = countTouches(arena.outside);
    await using files = await testFiles({ way });
    const attackers = Array.from({ length: IN_FLIGHT }, () =>
      attacker(files, arena.granted, Math.ceil(OPENS / 2 / IN_FLIGHT)),
    );
    const seen = await Promise.all(attackers);
    expect(touches.count()).toBe(0);
    // The attack was under way: links were met, and so were the true files.
    expect(seen.every(({ inside, refused }) => inside > 0 && refused > 0)).toBe(true);
    expect(readdirSync(arena.outside)).toEqual(['file']);
    expect(readFileSync(join(arena.outside, 'file'), 'utf8')).toBe('outside');
  },
  8 * 3_600_000,
);
