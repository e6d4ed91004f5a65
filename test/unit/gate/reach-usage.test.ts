import { expect, test } from 'vitest';
import { reachUsage } from '../../../src/gate/reach-usage.ts';
import type { Effect } from '../../../src/trust/receipt/leaf.ts';

const effect = (
  kind: Effect['kind'],
  state: Effect['state'],
  count: number,
  bytes: number,
): Effect => ({ kind, state, count, bytes, target: 'x' });

test('nothing was moved: nothing is said', () => {
  expect(reachUsage([])).toEqual({});
  expect(reachUsage([effect('http', 'refused', 3, 9), effect('secret', 'sent', 1, 0)])).toEqual({});
});

test('what was moved is added up by its kind; requests are those that may have left', () => {
  const effects = [
    effect('http', 'answered', 2, 300),
    effect('http', 'sent', 1, 20),
    effect('http', 'not-sent', 7, 0),
    effect('kv', 'answered', 2, 5),
    effect('kv', 'refused', 2, 50),
    effect('file-read', 'answered', 4, 1000),
    effect('file-write', 'answered', 1, 10),
    effect('file-write', 'sent', 1, 7),
  ];
  expect(reachUsage(effects)).toEqual({
    requests: 3,
    netBytes: 320,
    kvBytes: 5,
    fileReadBytes: 1000,
    fileWriteBytes: 17,
  });
});
