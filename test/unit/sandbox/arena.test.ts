import { expect, test } from 'vitest';
import { Arena } from '../../../src/run/sandbox/executor/extism/arena.ts';

test('blocks hold what is stored, across growth, and tell their lengths', () => {
  const arena = new Arena(1 << 20);
  const offsets = Array.from({ length: 200 }, (_, n) => arena.store(new Uint8Array(n).fill(n)));
  expect(offsets[0]).toBeGreaterThan(0);
  for (const [n, at] of offsets.entries()) {
    expect(arena.length(at)).toBe(n);
    expect(arena.block(at)).toEqual(new Uint8Array(n).fill(n));
  }
  expect(arena.length(3)).toBe(0);
  expect(arena.block(0)).toBeUndefined();
});

test('numbers are little endian and may lie anywhere in the memory', () => {
  const arena = new Arena(1 << 20);
  const at = arena.alloc(16);
  arena.storeU64(at + 3, 0x0102030405060708n);
  expect(arena.loadU8(at + 3)).toBe(8);
  expect(arena.loadU64(at + 3)).toBe(0x0102030405060708n);
});

test.each([-1, 1e9, Number.NaN, 2 ** 53])('an access at %s is a trap', (at) => {
  const arena = new Arena(1 << 20);
  arena.alloc(8);
  expect(() => arena.loadU8(at)).toThrow('outside');
  expect(() => arena.loadU64(at)).toThrow('outside');
  expect(() => arena.storeU8(at, 1)).toThrow('outside');
  expect(() => arena.storeU64(at, 1n)).toThrow('outside');
});

test('no more than the bound, whether in one block or many; freed blocks come back', () => {
  const bound = 64 * 1024;
  for (const size of [-1, Number.NaN, 2 ** 63, bound]) {
    expect(() => new Arena(bound).alloc(size)).toThrow();
  }
  const arena = new Arena(bound);
  const fill = (): number[] => {
    const made: number[] = [];
    try {
      for (;;) made.push(arena.alloc(1000));
    } catch {
      return made;
    }
  };
  const first = fill();
  expect(arena.heldBytes).toBeLessThanOrEqual(bound);
  for (const at of first) arena.free(at);
  for (const at of first) arena.free(at);
  expect(fill()).toHaveLength(first.length);
  // Empty blocks are not free of charge.
  const empty = new Arena(bound);
  expect(() => {
    for (;;) empty.alloc(0);
  }).toThrow('bytes held in the host');
});
