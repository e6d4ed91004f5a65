import { expect, test } from 'vitest';
import { RecentNumbers } from '../../../../src/decide/risk/recent-numbers.ts';

test('the newest half is always known, and never more than all of them', () => {
  const recent = new RecentNumbers(10);
  expect(recent.isEmpty).toBe(true);
  for (let number = 0; number < 1_000; number += 1) {
    recent.add(number);
    const known = Array.from({ length: number + 1 }, (_, at) => at).filter((at) => recent.has(at));
    expect(known.length).toBeLessThanOrEqual(10);
    expect(known).toEqual(expect.arrayContaining([Math.max(0, number - 4), number]));
    expect(known.at(-1)! - known[0]! + 1).toBe(known.length);
  }
  expect(recent.isEmpty).toBe(false);
});
