// Calls of one package share a process, never an instance: memory, variables, inputs and peaks are
// each call's own. Packages, tenants and memory limits share no process.

import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  permitFor,
  type TestSandbox,
  toolCall,
} from '../../support/sandbox.ts';

let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox({ pool: { maxPerKey: 1 } });
});
afterAll(() => box.sandbox.close());

test('memory and variables are gone with the call that left them', async () => {
  for (let round = 0; round < 3; round += 1) {
    expect(await box.call(fixture('keeps'), 'keeps', {})).toMatchObject({
      kind: 'answered',
      answer: { content: [{ text: 'fresh' }] },
    });
  }
  const digest = box.add(fixture('keeps'));
  expect(box.sandbox.stats.executors.filter((one) => one.digest === digest)).toHaveLength(1);
});

test('the peak of a small call does not show the large one before it', async () => {
  const large = await box.call(fixture('plain'), 'upper', { input: 'x'.repeat(500_000) });
  const small = await box.call(fixture('plain'), 'upper', { input: 'x' });
  expect(large.usage.peakMemoryBytes).toBeGreaterThan(500_000);
  expect(small.usage.peakMemoryBytes).toBeLessThan(1000);
});

test('thirty-two calls at once: each answer goes to its own caller', async () => {
  const calls = Array.from({ length: 32 }, (_, index) =>
    box.call(fixture('plain'), 'upper', { input: `caller ${index}` }),
  );
  for (const [index, outcome] of (await Promise.all(calls)).entries()) {
    expect(outcome).toMatchObject({ answer: { content: [{ text: `CALLER ${index}` }] } });
  }
});

test('another tenant, another package and another memory limit get another process', async () => {
  const call = toolCall('upper', { input: 'a' });
  const digest = box.add(fixture('plain'));
  const larger = { ...defaultLimits, memoryBytes: 32 * 1024 * 1024 };
  for (const terms of [{}, { tenant: 'other' }, { limits: larger }]) {
    await box.sandbox.run(permitFor(call, digest, terms), call);
  }
  const pids = box.sandbox.stats.executors
    .filter((executor) => executor.digest === digest)
    .map(({ pid }) => pid);
  expect(new Set(pids).size).toBe(3);
});

test('configuration comes from the permit of the call alone', async () => {
  const probe = fixture('probe-plugin');
  const value = async (config: Record<string, string>): Promise<unknown> => {
    const outcome = await box.call(probe, 'probe', { function: 'config' }, { terms: { config } });
    return outcome.kind === 'answered' ? outcome.answer.structuredContent?.['value'] : outcome;
  };
  expect(await value({ probe: 'of this call' })).toBe('of this call');
  expect(await value({ other: 'x' })).toBeNull();
  expect(await value({})).toBeNull();
});

test('a permit for another call, or no permit, runs nothing', async () => {
  const call = toolCall('upper', { input: 'a' });
  const permit = permitFor(call, box.add(fixture('plain')));
  await expect(box.sandbox.run(permit, toolCall('upper', { input: 'b' }))).rejects.toThrow(
    'the permit is for another call',
  );
  const copy = { terms: permit.terms } as typeof permit;
  await expect(box.sandbox.run(copy, call)).rejects.toThrow('not a permit of this process');
});
