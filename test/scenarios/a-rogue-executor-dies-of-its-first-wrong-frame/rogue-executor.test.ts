// Whatever an executor sends that nobody asked for ends it; its call says so, and the next call works.

import { resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { SandboxOptions } from '../../../src/run/sandbox/sandbox.ts';
import { isAlive } from '../../support/processes.ts';
import { createTestSandbox, defaultLimits, type TestSandbox } from '../../support/sandbox.ts';

const executorPath = resolve(import.meta.dirname, '../../fixtures/executors/rogue.mjs');
const wasm = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

let rogue: TestSandbox | undefined;
afterEach(async () => {
  await rogue?.sandbox.close();
});

async function start(pool: SandboxOptions['pool'] = {}): Promise<TestSandbox> {
  rogue = await createTestSandbox({
    executorPath,
    pool,
    serve: async (_permit, request) => {
      if (request.op === 'kv-get') await new Promise((done) => setTimeout(done, 1000));
      return { ok: true, value: { found: false } };
    },
  });
  return rogue;
}

const honest = { content: [{ type: 'text', text: 'honest' }], isError: false };

test.each([
  ['other-call', 'a frame of another call'],
  ['earlier-call', 'a frame of another call'],
  ['unknown-kind', 'a frame of kind 77 out of turn'],
  ['loaded-again', 'a frame of kind 4 out of turn'],
  ['huge-length', 'a frame of kind 10 that is too large'],
  ['head-longer-than-frame', 'the head is longer than the frame'],
  ['too-much-output', 'a frame of kind 10 that is too large'],
  ['head-is-no-json', 'JSON'],
  ['two-requests', 'a frame of kind 6 out of turn'],
  ['unknown-request', 'a request for an unknown operation'],
  ['request-without-fields', 'a request without a proper `offset`'],
  ['answer-while-asking', 'a frame of kind 10 out of turn'],
  ['noise', ''],
  ['log-without-level', 'a log line without level'],
  ['exit', 'exit code 0'],
  ['crash', 'SIG'],
])('%s', async (deed, reason) => {
  const { call } = await start();
  const limits = { ...defaultLimits, timeoutMs: 4000 };
  const outcome = await call(wasm, deed, {}, { terms: { limits } });
  expect(outcome).toMatchObject({ kind: 'crashed', reason: expect.stringContaining(reason) });
  expect(await call(wasm, 'honest', {})).toMatchObject({ kind: 'answered', answer: honest });
});

test('a second answer is not taken for the next call', async () => {
  const { call, sandbox } = await start();
  for (const deed of ['answer-twice', 'answer-late']) {
    const first = await call(wasm, deed, {});
    expect(first).toMatchObject({ kind: 'answered', answer: { content: [{ text: 'first' }] } });
    await new Promise((done) => setTimeout(done, 200));
    const next = await call(wasm, 'honest', {});
    expect(next).toMatchObject({ kind: 'answered', answer: honest });
  }
  // Each of the two was replaced.
  expect(sandbox.stats.executors).toHaveLength(1);
  expect(sandbox.stats.started).toBeGreaterThanOrEqual(3);
});

test('what it says it used is believed as far as it can be', async () => {
  const { call } = await start();
  const lied = await call(wasm, 'burn-and-lie', {});
  expect(lied.kind).toBe('answered');
  expect(lied.usage.cpuMs).toBeGreaterThanOrEqual(250);
  expect(lied.usage.peakMemoryBytes).toBe(2 * defaultLimits.memoryBytes);
  const { usage } = await call(wasm, 'claim-too-much', {});
  expect(usage.cpuMs).toBeLessThan(60_000);
  expect(usage.peakMemoryBytes).toBe(0);
});

test('one that works while nothing is asked of it is ended', async () => {
  const { call, sandbox } = await start({ restMs: 50, lookMs: 100 });
  expect(await call(wasm, 'work-while-idle', {})).toMatchObject({ kind: 'answered' });
  const [executor] = sandbox.stats.executors;
  expect(executor).toMatchObject({ busy: false });
  await expect.poll(() => sandbox.stats.executors, { timeout: 15_000 }).toEqual([]);
  // It is told of before its death is.
  await expect.poll(() => isAlive(executor?.pid ?? 0), { timeout: 10_000 }).toBe(false);
  expect(await call(wasm, 'honest', {})).toMatchObject({ kind: 'answered' });
});

test('a flood of empty log lines ends the call at its limit', async () => {
  const { call } = await start();
  expect(await call(wasm, 'flood', {})).toMatchObject({ kind: 'limit', limit: 'log' });
  expect(await call(wasm, 'honest', {})).toMatchObject({ kind: 'answered' });
});

test.each(['hang', 'close-stdout'])('%s: the deadline ends it', async (deed) => {
  const { call } = await start();
  const limits = { ...defaultLimits, timeoutMs: 300 };
  const outcome = await call(wasm, deed, {}, { terms: { limits } });
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'deadline' });
  expect(await call(wasm, 'honest', {})).toMatchObject({ kind: 'answered' });
});
