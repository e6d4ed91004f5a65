// A guest asks the host with next to no stack left, again and again along the edge. Whatever breaks
// half-way, each reply belongs to its own request and each answer to its own call.

import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

let served = 0;
let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox({
    pool: { maxPerKey: 1 },
    serve: () => {
      served += 1;
      return { ok: true, value: { found: false } };
    },
  });
});
afterAll(() => box.sandbox.close());

const terms = { limits: { ...defaultLimits, hostCalls: 1 } };
const bytes = fixture('deep-request');

async function requestAt(depth: number): Promise<'answered' | 'ended'> {
  served = 0;
  const outcome = await box.call(bytes, 'deep-request', { depth }, { terms });
  expect(served).toBeLessThanOrEqual(1);
  if (outcome.kind !== 'answered') return 'ended';
  expect(outcome.answer.content).toEqual([{ type: 'text', text: 'mine' }]);
  expect(served).toBe(1);
  return 'answered';
}

test('along the edge of the stack', async () => {
  const met = new Map<string, number>();
  let depth = 12_000;
  for (let tried = 0; tried < 600; tried += 1) {
    const end = await requestAt(depth);
    met.set(end, (met.get(end) ?? 0) + 1);
    // The edge moves as the code gets optimised: long steps first, short ones along it.
    const step = tried < 200 ? 500 : 1 + (tried % 7);
    depth += end === 'answered' ? step : -step;
    if (end === 'ended') expect(await requestAt(10)).toBe('answered');
  }
  expect(met.get('answered')).toBeGreaterThan(50);
  expect(met.get('ended')).toBeGreaterThan(50);
}, 60_000);
