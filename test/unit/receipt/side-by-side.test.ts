import { expect, test } from 'vitest';
import { sideBySide } from '../../../src/trust/receipt/side-by-side.ts';

function* numbers(count: number): Generator<number> {
  for (let each = 0; each < count; each += 1) yield each;
}

test('everything is done, begun in order, never more at once than asked for', async () => {
  const begun: number[] = [];
  let [now, most] = [0, 0];
  await sideBySide(3, numbers(20), async (each) => {
    begun.push(each);
    now += 1;
    most = Math.max(most, now);
    await new Promise(setImmediate);
    now -= 1;
  });
  expect(begun).toEqual([...numbers(20)]);
  expect(most).toBe(3);
  expect(now).toBe(0);
});

test('after a failure nothing is begun, and nothing is under way when it is told', async () => {
  const begun: number[] = [];
  let now = 0;
  const failing = sideBySide(4, numbers(100), async (each) => {
    begun.push(each);
    now += 1;
    // Those beside it take longer.
    for (let turn = 0; turn <= each; turn += 1) await new Promise(setImmediate);
    now -= 1;
    if (each === 1) throw new Error('the disk is full');
  });
  await expect(failing).rejects.toThrow('the disk is full');
  expect(now).toBe(0);
  expect(begun.length).toBeLessThan(10);
  const seen = begun.length;
  await new Promise(setImmediate);
  expect(begun).toHaveLength(seen);
});

test('what the list itself throws is thrown', async () => {
  function* broken(): Generator<number> {
    yield 0;
    throw new Error('the store is closed');
  }
  await expect(sideBySide(2, broken(), async () => {})).rejects.toThrow('the store is closed');
});
