// Many tiles written at once: after a failure the rest is written another time, and nothing is believed too early.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LogTree } from '../../../src/trust/receipt/log-tree.ts';
import { type TileContents, TileDirectory } from '../../../src/trust/receipt/tile-directory.ts';
import { TILE_WIDTH } from '../../../src/trust/verify/tile-tree.ts';
import { bundlePath, tilePath } from '../../../src/trust/verify/tiles.ts';
import { scratch } from './log-fixture.ts';

const TILES = 40;
const SIZE = TILES * TILE_WIDTH + 7;

/** Leaves that are their number, and how often each was read. */
function contentsOf(size: number): TileContents & { readonly reads: { count: number } } {
  const reads = { count: 0 };
  const leaves = (from: number, count: number): Uint8Array[] => {
    reads.count += count;
    return Array.from({ length: count }, (_, at) => Buffer.from(`leaf ${String(from + at)}`));
  };
  const tree = new LogTree({ leaves, tile: () => undefined }, size);
  reads.count = 0;
  return { reads, leaves, tile: (...which) => tree.tile(...which) };
}

test('what is missing is written, and each leaf read once for it', async () => {
  const directory = new TileDirectory(scratch());
  const contents = contentsOf(SIZE);
  await directory.writeUpTo(SIZE, contents);
  expect(contents.reads.count).toBe(SIZE);
  for (let index = 0; index < TILES; index += 1) {
    expect(directory.readFull(0, index)).toEqual(contents.tile(0, index, TILE_WIDTH));
  }
});

test('where one cannot be written all end, and another time what is missing is written', async () => {
  const root = scratch();
  const directory = new TileDirectory(root);
  // Nothing can be renamed onto a directory with something in it.
  const obstacle = join(root, tilePath(0, 20));
  mkdirSync(join(obstacle, 'within'), { recursive: true });
  await expect(directory.writeUpTo(SIZE, contentsOf(SIZE))).rejects.toMatchObject({
    code: 'unavailable',
  });
  const names = (): string[] => readdirSync(join(root, 'tile/0')).toSorted();
  const left = names();
  expect(left.length).toBeLessThan(TILES);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(names()).toEqual(left);

  rmSync(obstacle, { recursive: true });
  await directory.writeUpTo(SIZE, contentsOf(SIZE));
  const contents = contentsOf(SIZE);
  for (let index = 0; index < TILES; index += 1) {
    const tile = Buffer.from(contents.tile(0, index, TILE_WIDTH));
    expect(readFileSync(join(root, tilePath(0, index)))).toEqual(tile);
    expect(readFileSync(join(root, bundlePath(index))).length).toBeGreaterThan(2 * TILE_WIDTH);
  }
  expect(names().filter((name) => name.endsWith('.new'))).toEqual([]);
});

test('forgotten from a level on, those below are believed, the others only once they are written', async () => {
  const root = scratch();
  const size = TILE_WIDTH ** 2;
  const contents = contentsOf(size);
  await new TileDirectory(root).writeUpTo(size, contents);
  const upper = join(root, tilePath(1, 0));
  const right = readFileSync(upper);
  writeFileSync(upper, Buffer.alloc(right.length));

  const directory = new TileDirectory(root);
  directory.scan(size);
  expect(directory.readFull(1, 0)).toEqual(Buffer.alloc(right.length));
  directory.forget(1);
  expect(directory.readFull(1, 0)).toBeUndefined();
  expect(directory.readFull(0, 255)).toBeDefined();
  const again = contentsOf(size);
  await directory.writeUpTo(size, again);
  expect(again.reads.count).toBeLessThan(size);
  expect(readFileSync(upper)).toEqual(right);
  expect(directory.readFull(1, 0)).toEqual(right);

  directory.forget(0);
  expect(directory.readFull(0, 255)).toBeUndefined();
});
