// Guests that never return, take memory, or flood the host: each ends as the limit it ran into, and
// the next call of the same package, and of another, works.

import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox({
    serve: () => ({ ok: true, value: { found: false } }),
  });
  box.sandbox.warm();
});
afterAll(() => box.sandbox.close());

const limits = { ...defaultLimits, timeoutMs: 400, memoryBytes: 16 * 1024 * 1024 };
const terms = { limits };

async function nextCallWorks(): Promise<void> {
  const outcome = await box.call(fixture('plain'), 'upper', { input: 'still here' }, { terms });
  expect(outcome).toMatchObject({
    kind: 'answered',
    answer: { content: [{ type: 'text', text: 'STILL HERE' }], isError: false },
  });
}

test.each(['loop', 'start-loop', 'poll-sleep'])('%s: the deadline ends it', async (name) => {
  const start = performance.now();
  const outcome = await box.call(fixture(name), name, {}, { terms });
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'deadline' });
  expect(outcome.usage.wallMs).toBeGreaterThanOrEqual(400);
  expect(performance.now() - start).toBeLessThan(5000);
  await nextCallWorks();
});

test('a guest that was killed serves its next call from a new process', async () => {
  const pids = (): number[] => box.sandbox.stats.executors.map(({ pid }) => pid);
  const before = new Set(pids());
  expect(await box.call(fixture('loop'), 'loop', {}, { terms })).toMatchObject({ kind: 'limit' });
  for (const pid of pids()) if (!before.has(pid)) expect(() => process.kill(pid, 0)).not.toThrow();
  expect(await box.call(fixture('loop'), 'loop', {}, { terms })).toMatchObject({ kind: 'limit' });
});

test('grow: a guest that asks for memory until its deadline ran out of memory', async () => {
  const outcome = await box.call(fixture('grow'), 'grow', {}, { terms });
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'memory' });
  // One page, and sixteen at a time while they fit.
  expect(outcome.usage.peakMemoryBytes).toBe(241 * 65_536);
  await nextCallWorks();
});

test.each(['blocks', 'vars'])('%s: memory in the host counts as the call’s', async (name) => {
  const outcome = await box.call(fixture(name), name, {}, { terms });
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'memory' });
  expect(outcome.usage.peakMemoryBytes).toBeLessThan(limits.memoryBytes * 2);
  await nextCallWorks();
});

test('big-memory: a module that starts larger than its limit is never instantiated', async () => {
  const outcome = await box.call(fixture('big-memory'), 'x', {}, { terms });
  expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('memory') });
  await nextCallWorks();
});

test('big-table: a ten-million-entry table ends with its executor at most', async () => {
  const outcome = await box.call(fixture('big-table'), 'x', {}, { terms });
  expect(outcome.kind).not.toBe('answered');
  await nextCallWorks();
});

test('big-output: an answer over the limit is no answer', async () => {
  const more = {
    terms: { limits: { ...limits, outputBytes: 1000, memoryBytes: 2 ** 28, timeoutMs: 5000 } },
  };
  const outcome = await box.call(fixture('big-output'), 'big-output', {}, more);
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'output' });
  await nextCallWorks();
});

test('host-flood: the host is asked as often as the permit says, and no more', async () => {
  let asked = 0;
  const counting = await createTestSandbox({
    serve: () => {
      asked += 1;
      return { ok: true, value: { found: false } };
    },
  });
  const more = { terms: { limits: { ...limits, hostCalls: 25, timeoutMs: 5000 } } };
  const outcome = await counting.call(fixture('host-flood'), 'host-flood', {}, more);
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'host-calls' });
  expect(asked).toBe(25);
  await counting.sandbox.close();
});

test('log-flood: lines are kept up to the limit, then it is over', async () => {
  let bytes = 0;
  const outcome = await box.call(
    fixture('log-flood'),
    'log-flood',
    {},
    {
      terms: { limits: { ...limits, logBytes: 10_000, timeoutMs: 5000 } },
      onLog: (_level, message) => (bytes += message.length),
    },
  );
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'log' });
  expect(bytes).toBeLessThanOrEqual(10_000);
  await nextCallWorks();
});

test.each([
  ['trap', 'trap: unreachable'],
  ['start-trap', 'trap: unreachable'],
  ['deep-recursion', 'Maximum call stack'],
  ['proc-exit', 'exited with code 42'],
  ['proc-raise', 'raised signal'],
  ['error', 'the tool could not do it'],
  ['silent', 'ended without an answer'],
  ['garbage', 'not a tool answer'],
  ['garbage-shape', 'not a tool answer'],
  ['garbage-utf8', 'not a tool answer'],
  ['unknown-import', 'cannot resolve import'],
  ['import-constructor', 'cannot resolve import'],
  ['memory-import', 'cannot resolve import'],
])('%s ends the call alone: its executor serves on', async (name, reason) => {
  await nextCallWorks();
  const tool = ['unknown-import', 'import-constructor', 'memory-import'].includes(name)
    ? 'run'
    : name;
  const outcome = await box.call(fixture(name), tool, { input: '' }, { terms });
  expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining(reason) });
  const digest = box.add(fixture(name));
  const survivors = box.sandbox.stats.executors.filter((executor) => executor.digest === digest);
  expect(survivors).toHaveLength(1);
  const again = await box.call(fixture(name), tool, { input: '' }, { terms });
  expect(again.kind).toBe('failed');
  const after = box.sandbox.stats.executors.filter((executor) => executor.digest === digest);
  expect(after.map(({ pid }) => pid)).toEqual(survivors.map(({ pid }) => pid));
});

test('an executor that is killed mid-call is replaced', async () => {
  const running = box.call(
    fixture('loop'),
    'loop',
    {},
    { terms: { limits: { ...limits, timeoutMs: 10_000 } } },
  );
  const digest = box.add(fixture('loop'));
  const busy = () => box.sandbox.stats.executors.find((one) => one.digest === digest && one.busy);
  await expect.poll(busy, { timeout: 5000 }).toBeDefined();
  // Loading has ended once the call keeps it busy for a while.
  await new Promise((done) => setTimeout(done, 200));
  process.kill(busy()?.pid ?? 0, 'SIGKILL');
  expect(await running).toMatchObject({
    kind: 'crashed',
    reason: expect.stringContaining('SIGKILL'),
  });
  await nextCallWorks();
});
