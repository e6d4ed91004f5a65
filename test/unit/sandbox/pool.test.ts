// Executors as a pool: bounded, shared fairly, replaced, ended.

import { afterEach, expect, test } from 'vitest';
import { isAlive } from '../../support/processes.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

const opened: TestSandbox[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ sandbox }) => sandbox.close()));
});

async function open(options: Parameters<typeof createTestSandbox>[0] = {}): Promise<TestSandbox> {
  const box = await createTestSandbox(options);
  opened.push(box);
  return box;
}

const upper = (box: TestSandbox, input: string) => box.call(fixture('plain'), 'upper', { input });
const probe = (box: TestSandbox, name: string, timeoutMs: number, principal = 'agent:test') =>
  box.call(
    fixture('probe-plugin'),
    'probe',
    { function: name },
    { terms: { principal, limits: { ...defaultLimits, timeoutMs } } },
  );

test('blanks are kept started, and replaced when taken', async () => {
  const box = await open();
  expect(box.sandbox.stats.blanks).toBe(0);
  box.sandbox.warm();
  await expect.poll(() => box.sandbox.stats.started, { timeout: 10_000 }).toBe(2);
  await upper(box, 'a');
  await expect.poll(() => box.sandbox.stats.started, { timeout: 10_000 }).toBe(3);
  await expect.poll(() => box.sandbox.stats.blanks, { timeout: 10_000 }).toBe(2);
});

test('no more executors than allowed, however many packages there are', async () => {
  const box = await open({ pool: { maxExecutors: 2 } });
  const names = ['minimal', 'is-error', 'keeps', 'kv-once', 'log-forge'];
  for (let round = 0; round < 2; round += 1) {
    for (const name of names) {
      expect(await box.call(fixture(name), name, {})).toMatchObject({ kind: 'answered' });
      expect(box.sandbox.stats.executors.length).toBeLessThanOrEqual(2);
    }
  }
  const all = await Promise.all(names.map((name) => box.call(fixture(name), name, {})));
  expect(all.map(({ kind }) => kind)).toEqual(names.map(() => 'answered'));
});

test('a package without an executor is not starved by one that is never idle', async () => {
  const box = await open({ pool: { maxExecutors: 1 } });
  const stop = new AbortController();
  const hog = async (): Promise<void> => {
    while (!stop.signal.aborted) await upper(box, 'again');
  };
  const hogs = Promise.all([hog(), hog(), hog()]);
  expect(await box.call(fixture('minimal'), 'minimal', {})).toMatchObject({ kind: 'answered' });
  stop.abort();
  await hogs;
});

test('a slow call of a package does not hold up the others for long', async () => {
  const box = await open();
  const slow = probe(box, 'spin', 3000);
  const start = performance.now();
  expect(await probe(box, 'calls', 5000)).toMatchObject({ kind: 'answered' });
  expect(performance.now() - start).toBeLessThan(2500);
  expect(await slow).toMatchObject({ kind: 'limit' });
});

test('callers of one executor take turns', async () => {
  const box = await open({ pool: { maxPerKey: 1 } });
  await probe(box, 'calls', 5000);
  const order: string[] = [];
  const by = (principal: string): Promise<unknown> =>
    probe(box, 'calls', 5000, principal).then(() => order.push(principal));
  await Promise.all([...Array.from({ length: 10 }, () => by('agent:greedy')), by('agent:modest')]);
  expect(order.indexOf('agent:modest')).toBeLessThanOrEqual(2);
});

test('an idle executor is ended', async () => {
  const box = await open({ pool: { idleMs: 200 } });
  await upper(box, 'a');
  const [executor] = box.sandbox.stats.executors;
  await expect.poll(() => box.sandbox.stats.executors, { timeout: 5000 }).toEqual([]);
  await expect.poll(() => isAlive(executor?.pid ?? 0), { timeout: 5000 }).toBe(false);
  expect(await upper(box, 'b')).toMatchObject({ kind: 'answered' });
});

test('an executor that was killed while idle is replaced unseen', async () => {
  const box = await open();
  await upper(box, 'a');
  process.kill(box.sandbox.stats.executors[0]?.pid ?? 0, 'SIGKILL');
  await new Promise((done) => setTimeout(done, 100));
  expect(await upper(box, 'b')).toMatchObject({ kind: 'answered' });
});

test('closing ends every process and every call', async () => {
  const box = await open({ pool: { maxPerKey: 1 } });
  const running = probe(box, 'spin', 60_000);
  const waiting = probe(box, 'spin', 60_000);
  await expect.poll(() => box.sandbox.stats.executors[0]?.busy, { timeout: 5000 }).toBe(true);
  const pids = box.sandbox.stats.executors.map(({ pid }) => pid);
  await box.sandbox.close();
  expect(await running).toMatchObject({ kind: 'crashed' });
  expect(await waiting).toMatchObject({ kind: 'crashed', reason: 'the sandbox is closed' });
  expect(await upper(box, 'late')).toMatchObject({ kind: 'crashed' });
  expect(pids.filter(isAlive)).toEqual([]);
});

test('no bundle, no package: the call says so', async () => {
  const broken = await open({ executorPath: '/nowhere/executor.mjs' });
  expect(await upper(broken, 'a')).toMatchObject({
    kind: 'crashed',
    reason: 'no executor could be started',
  });
  const empty = await open({
    packages: {
      load: () => Promise.reject(new Error('the package is gone')),
      prepare: () => Promise.reject(new Error('the package is gone')),
    },
  });
  expect(await upper(empty, 'a')).toMatchObject({ kind: 'crashed', reason: 'the package is gone' });
});
