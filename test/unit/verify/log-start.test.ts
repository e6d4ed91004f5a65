import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import { buildLeaf } from '../../../src/trust/receipt/build-leaf.ts';
import { parseLeaf, type ReceiptStatement } from '../../../src/trust/verify/leaf.ts';
import { epochOf, originOfEpoch, readLogStart } from '../../../src/trust/verify/log-start.ts';
import { callFacts, random } from '../receipt/log-fixture.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const root = Buffer.alloc(32).toString('base64');
const good = {
  epoch: 3,
  before: { origin: `${origin}/2`, size: 9, root },
  kept: 4,
  lost: 5,
  forked: false,
  reason: 'restored',
};
const failed = { code: expect.stringMatching(/verification-failed|malformed/) as string };

function first(detail: JsonObject, type: 'log' | 'daemon' = 'log'): ReceiptStatement {
  return parseLeaf(buildLeaf(callFacts({ type, outcome: 'started', detail }), random).bytes);
}

test('names of logs', () => {
  expect(
    [origin, `${origin}/2`, `${origin}/10`, `${origin}/1`, `${origin}/02`].map(epochOf),
  ).toEqual([1, 2, 10, 1, 1]);
  expect(originOfEpoch(`${origin}/2`, 3)).toBe(`${origin}/3`);
  expect(originOfEpoch(`${origin}/2`, 1)).toBe(origin);
});

test('the first log of a home begins with anything, a later one with what names an earlier', () => {
  expect(readLogStart(origin, undefined)).toBeUndefined();
  expect(readLogStart(origin, first(good))).toBeUndefined();
  expect(readLogStart(`${origin}/3`, first(good))).toMatchObject({
    epoch: 3,
    lost: 5,
    before: { origin: `${origin}/2`, size: 9 },
  });
});

test.each([
  ['no leaf', undefined],
  ['another leaf', first(good, 'daemon')],
  ['another epoch', first({ ...good, epoch: 2 })],
  ['itself', first({ ...good, before: { ...good.before, origin: `${origin}/3` } })],
  ['a later log', first({ ...good, before: { ...good.before, origin: `${origin}/4` } })],
  ['the log of another home', first({ ...good, before: { ...good.before, origin: 'other/2' } })],
  ['no head', first({ ...good, before: {} })],
  ['a root that is none', first({ ...good, before: { ...good.before, root: 'AAAA' } })],
  ['no counts', first({ ...good, lost: -1 })],
  ['no reason', first({ ...good, reason: 1 })],
])('a later log that begins with %s is refused', (_, statement) => {
  expect(() => readLogStart(`${origin}/3`, statement)).toThrow(expect.objectContaining(failed));
});
