// Calls of one package share a process, never an instance: memory, variables, inputs and peaks are
// each call's own. Packages, tenants and memory limits share no process.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import type { RunOutcome } from '../../../src/run/sandbox/runner.ts';
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
  box = await createTestSandbox({
    pool: { maxPerKey: 1 },
    serve: (_, { op }) =>
      op === 'http'
        ? { ok: true, value: { status: 418, headers: [] } }
        : { ok: false, code: 'denied', message: 'not granted' },
  });
});
afterAll(() => box.sandbox.close());

/** What a process may write to of its own, touched or not. */
function writableMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmData:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

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

test('a component starts anew each time', async () => {
  for (let round = 0; round < 3; round += 1) {
    expect(await box.call(fixture('component-keeps'), 'count', {})).toMatchObject({
      kind: 'answered',
      answer: { structuredContent: { result: 101 } },
    });
  }
});

test('responses, errors, half a line and half a character end with their call', async () => {
  const use = async (tool: string): Promise<[RunOutcome, string[]]> => {
    const lines: string[] = [];
    const onLog = (_: string, line: string): unknown => lines.push(line);
    return [await box.call(fixture('leftovers'), tool, { input: '' }, { onLog }), lines];
  };
  for (let round = 0; round < 3; round += 1) {
    const [left, theirs] = await use('leave');
    expect(left).toMatchObject({ kind: 'failed', usage: { hostCalls: 1 } });
    expect(theirs.join()).toContain('of another call');
    const [looked, mine] = await use('look');
    expect(looked).toMatchObject({ kind: 'answered', answer: { content: [{ text: '' }] } });
    expect(mine).toEqual(['\ufffd']);
  }
  const digest = box.add(fixture('leftovers'));
  expect(box.sandbox.stats.executors.filter((one) => one.digest === digest)).toHaveLength(1);
});

test('what thousands of calls leave does not pile up', async () => {
  const digest = box.add(fixture('measured'));
  const use = (tool: string, length: number) =>
    box.call(fixture('measured'), tool, { input: 'x'.repeat(length) });
  for (let round = 0; round < 600; round += 1) {
    // Sixteen memories of four MiB would be all a call may have; blocks of the host count as well.
    expect((await use('grow', 64)).kind).toBe('answered');
    expect((await use('answer', 20_000)).kind).toBe('answered');
  }
  const executors = box.sandbox.stats.executors.filter((one) => one.digest === digest);
  expect(executors).toHaveLength(1);
  // Without a collection it would be more than two GiB.
  expect(writableMiB(executors[0]?.pid ?? 0)).toBeLessThan(1024);
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
