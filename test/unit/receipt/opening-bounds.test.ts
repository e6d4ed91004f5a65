// What opening a log of a million leaves reads, counted: the edge where tiles are there, each leaf once where not.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { LogTree } from '../../../src/trust/receipt/log-tree.ts';
import { TILE_WIDTH } from '../../../src/trust/verify/tile-tree.ts';

const MILLION = 1_000_000;

/** A log nobody has to make: any leaf is its number, any tile is there if `tiles`. */
function counting(tiles: boolean) {
  const read = { leaves: 0, tiles: 0 };
  const source = {
    leaves: (from: number, count: number): Uint8Array[] => {
      read.leaves += count;
      return Array.from({ length: count }, (_, at) => Buffer.from(String(from + at)));
    },
    tile: (level: number, index: number): Uint8Array | undefined => {
      if (!tiles) return undefined;
      read.tiles += 1;
      const seed = createHash('sha256')
        .update(`${String(level)}/${String(index)}`)
        .digest();
      return Buffer.alloc(TILE_WIDTH * 32, seed);
    },
  };
  return { read, source };
}

test('with its tiles, a log of a million leaves opens by the tiles of its edge', () => {
  const { read, source } = counting(true);
  const tree = new LogTree(source, MILLION);
  tree.root();
  expect(read.leaves).toBe(MILLION % TILE_WIDTH);
  // One for each hash of the partial tiles above the leaves: 66 of level 1, 15 of level 2.
  expect(read.tiles).toBe((Math.floor(MILLION / 256) % 256) + Math.floor(MILLION / 65_536));
});

test('the root of any signed size, and a proof from it, take a few tiles more', () => {
  const { read, source } = counting(true);
  const tree = new LogTree(source, MILLION);
  const opened = read.tiles;
  for (const size of [1, 255, 65_535, 65_537, 500_001, MILLION - 1]) {
    const before = read.tiles;
    tree.rootAt(size);
    tree.consistency(size, MILLION);
    expect(read.tiles - before, String(size)).toBeLessThanOrEqual(6);
  }
  expect(read.leaves).toBe(MILLION % TILE_WIDTH);
  expect(opened).toBeLessThan(2 * TILE_WIDTH);
});

test('growing reads nothing', () => {
  const { read, source } = counting(true);
  const tree = new LogTree(source, MILLION);
  const before = { ...read };
  for (let at = 0; at < 1000; at += 1) tree.push(Buffer.alloc(32, at));
  tree.root();
  expect(read).toEqual(before);
});

test('without its tiles each leaf is read once', () => {
  const size = 65_536 + 3 * TILE_WIDTH + 5;
  const { read, source } = counting(false);
  new LogTree(source, size).root();
  expect(read.leaves).toBe(size);
});

test('with the tiles of the leaves alone, the levels above are made of those', () => {
  const { read, source } = counting(true);
  const size = 2 * 65_536 + 3 * TILE_WIDTH + 5;
  new LogTree(
    { ...source, tile: (level, index) => (level > 0 ? undefined : source.tile(level, index)) },
    size,
  ).root();
  expect(read).toEqual({ leaves: 5, tiles: 2 * 256 + 3 });
});
