// Real executors in each jail this host can make.

import { readFileSync } from 'node:fs';
import binaryen from 'binaryen';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';
import { workingJails } from '../../support/jails.ts';
import { isAlive } from '../../support/processes.ts';
import { transpile } from '../../../src/run/sandbox/transpile/transpile.ts';

const jails = await workingJails();
const MiB = 1024 * 1024;

/** Takes all the memory it may have, and ends. */
const SWELL = `(module
  (memory (export "memory") 1)
  (func (export "swell") (result i32)
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (i32.const 0)))`;
const jailed = { unsafeNoJail: false };

let opened: TestSandbox | undefined;
afterEach(async () => {
  await opened?.sandbox.close();
});

test('without a jail nothing is run, described or started for a tool that needs one', async () => {
  opened = await createTestSandbox();
  const { sandbox } = opened;
  const run = opened.call(fixture('plain'), 'upper', { input: 'a' }, { terms: jailed });
  await expect(run).rejects.toMatchObject({ code: 'unavailable' });
  await expect(sandbox.inspect(fixture('plain'), 'extism')).rejects.toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('--unsafe-no-jail'),
  });
  expect(sandbox.stats.started).toBe(0);
});

describe.each(jails)('by $kind', (jail) => {
  const open = async (): Promise<TestSandbox> => {
    opened = await createTestSandbox({ jail });
    return opened;
  };

  test('guests run, one after the other, and jailed and unjailed ones never share an executor', async () => {
    const box = await open();
    const call = (unsafeNoJail: boolean) =>
      box.call(fixture('plain'), 'upper', { input: 'a' }, { terms: { unsafeNoJail } });
    for (const unsafeNoJail of [false, true, false, true]) {
      expect(await call(unsafeNoJail)).toMatchObject({ kind: 'answered' });
    }
    const { executors } = box.sandbox.stats;
    expect(executors).toHaveLength(2);
    const privileges = executors.map(({ pid }) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return /^NSpid:\t\d+\t\d+$/m.test(status);
    });
    expect(privileges).toHaveLength(2);
    expect(new Set(privileges).size).toBe(2);
  });

  test('the number of an executor is that of the process that runs the guest', async () => {
    const box = await open();
    await box.call(fixture('plain'), 'upper', { input: 'a' }, { terms: jailed });
    const [executor] = box.sandbox.stats.executors;
    const words = readFileSync(`/proc/${executor?.pid}/cmdline`, 'utf8').split('\0');
    expect(words[0]).toBe(process.execPath);
    expect(words).toContain('--permission');
  });

  test('a runaway is gone when its call ends', async () => {
    const box = await open();
    const terms = { ...jailed, limits: { ...defaultLimits, timeoutMs: 200 } };
    const running = box.call(fixture('loop'), 'loop', {}, { terms });
    await expect.poll(() => box.sandbox.stats.executors.length, { timeout: 10_000 }).toBe(1);
    const [executor] = box.sandbox.stats.executors;
    expect(await running).toMatchObject({ kind: 'limit', limit: 'deadline' });
    expect(isAlive(executor?.pid ?? 0)).toBe(false);
  });

  test('what ended guests left never takes the memory of the next', async () => {
    const box = await open();
    const terms = { ...jailed, limits: { ...defaultLimits, memoryBytes: 256 * MiB } };
    const peaks = new Set<number>();
    const swell = binaryen.parseText(SWELL).emitBinary();
    for (let round = 0; round < 24; round += 1) {
      const outcome = await box.call(swell, 'swell', { input: '' }, { terms });
      peaks.add(outcome.usage.peakMemoryBytes);
    }
    // Each gets all it may have, and not a page less than the first.
    expect([...peaks]).toHaveLength(1);
    expect([...peaks][0]).toBeGreaterThan(200 * MiB);
  });

  test('a component is transpiled in it', async () => {
    const { shape } = await transpile(fixture('typed'), {}, jail);
    expect(JSON.parse(shape)).toMatchObject({ convention: 'wit' });
  });

  test('describing a package needs no more than the jail holds', async () => {
    const box = await open();
    expect(await box.sandbox.inspect(fixture('plain'), 'extism')).toMatchObject({
      convention: 'plain',
    });
  });
});
