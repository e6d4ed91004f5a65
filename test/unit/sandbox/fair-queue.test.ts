import { expect, test } from 'vitest';
import { FairQueue } from '../../../src/run/sandbox/fair-queue.ts';

function drain(queue: FairQueue<string>): string[] {
  const out: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) out.push(item);
  return out;
}

test('lanes take turns; within a lane the first comes first', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'a4']) queue.push('a', item);
  for (const item of ['b1', 'b2']) queue.push('b', item);
  queue.push('c', 'c1');
  expect(queue.size).toBe(7);
  expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  expect(queue.size).toBe(0);
});

test('an item taken out is not given, once or twice', () => {
  const queue = new FairQueue<string>();
  const leave = queue.push('a', 'a1');
  queue.push('a', 'a2');
  const only = queue.push('b', 'b1');
  leave();
  leave();
  only();
  expect(queue.size).toBe(1);
  expect(drain(queue)).toEqual(['a2']);
  leave();
  expect(queue.size).toBe(0);
});

test('what is dropped is the newest of the longest lane', () => {
  const queue = new FairQueue<string>();
  expect(queue.dropLast()).toBeUndefined();
  queue.push('a', 'a1');
  for (const item of ['b1', 'b2', 'b3']) queue.push('b', item);
  queue.push('c', 'c1');
  expect([queue.dropLast(), queue.dropLast()]).toEqual(['b3', 'b2']);
  expect(queue.size).toBe(3);
  expect(drain(queue)).toEqual(['a1', 'b1', 'c1']);
});

test('a lane that comes back does not overtake those that wait', () => {
  const queue = new FairQueue<string>();
  queue.push('a', 'a1');
  queue.push('a', 'a2');
  queue.push('b', 'b1');
  expect(queue.shift()).toBe('a1');
  queue.push('a', 'a3');
  queue.push('c', 'c1');
  expect(drain(queue)).toEqual(['b1', 'a2', 'c1', 'a3']);
});
