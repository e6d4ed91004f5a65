import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock/clock.ts';
import { keepHighTime, TOLERANCE_MS } from '../../../src/base/store/high-time.ts';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { declared, metaTable, openingTable } from '../../contracts/store-tables.ts';

function setUp(start: number) {
  let now = start;
  const hands: Clock = { wall: () => now, monotonic: () => 0 };
  const raw = openMemoryStore(declared);
  return { raw, hands, set: (time: number) => (now = time) };
}

describe('the highest wall time', () => {
  it('lets a clock go back a little, and refuses one that is set back more', () => {
    const { raw, hands, set } = setUp(1_000_000);
    const { clock } = keepHighTime(raw, hands);
    expect(clock.wall()).toBe(1_000_000);
    set(1_000_000 - TOLERANCE_MS);
    expect(clock.wall()).toBe(1_000_000 - TOLERANCE_MS);
    set(1_000_000 - TOLERANCE_MS - 1);
    expect(() => clock.wall()).toThrow(expect.objectContaining({ code: 'unavailable' }));
    set(Number.NaN);
    expect(() => clock.wall()).toThrow(expect.objectContaining({ code: 'unavailable' }));
    set(1_000_001);
    expect(clock.wall()).toBe(1_000_001);
  });

  it('outlives the process: a later start with the clock set back refuses', async () => {
    const { raw, hands, set } = setUp(10_000_000);
    const first = keepHighTime(raw, hands);
    await first.store.commit((tx) => tx.put(openingTable, 'default', 'a', {}));
    set(10_000_000 - TOLERANCE_MS - 2000);
    const second = keepHighTime(raw, hands);
    expect(() => second.clock.wall()).toThrow(expect.objectContaining({ code: 'unavailable' }));
  });

  it('is written by commits that happen anyway, at most once a second', async () => {
    const { raw, hands, set } = setUp(50_000);
    let commits = 0;
    const counted = {
      read: raw.read.bind(raw),
      close: raw.close.bind(raw),
      commit: <T>(work: Parameters<typeof raw.commit<T>>[0]): Promise<T> => {
        commits += 1;
        return raw.commit(work);
      },
    };
    const { store, clock } = keepHighTime(counted, hands);
    const kept = () => raw.read((r) => r.get(metaTable, 'default', 'high-time'))?.highTime;
    clock.wall();
    expect(commits).toBe(0);
    await store.commit(() => 1);
    expect(kept()).toBe(50_000);
    set(50_999);
    await store.commit(() => 1);
    expect(kept()).toBe(50_000);
    set(51_000);
    await store.commit(() => 1);
    expect(kept()).toBe(51_000);
    expect(commits).toBe(3);
  });

  it('a clock set back lowers nothing', async () => {
    const { raw, hands, set } = setUp(50_000);
    const { store } = keepHighTime(raw, hands);
    await store.commit(() => 1);
    set(10);
    await store.commit(() => 1);
    expect(raw.read((r) => r.get(metaTable, 'default', 'high-time'))?.highTime).toBe(50_000);
  });
});
