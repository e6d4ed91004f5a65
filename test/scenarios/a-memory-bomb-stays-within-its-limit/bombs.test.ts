// Whatever a module is made of, it takes no more than its limit: memories, tables, variables, frames of
// a recursion, exceptions, copies of a core module. The naive form, the module as it came, takes more.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { boundModule } from '../../../src/catalog/bound-module.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox();
  box.sandbox.warm();
});
afterAll(() => box.sandbox.close());

const PAGE = 65_536;
const limits = { ...defaultLimits, timeoutMs: 15_000, cpuMs: 15_000, memoryBytes: 1024 * PAGE };

const answered = (text: string) => ({ kind: 'answered', answer: { content: [{ text }] } });
const failed = (reason: string) => ({ kind: 'failed', reason: expect.stringContaining(reason) });
const limited = (limit: string) => ({ kind: 'limit', limit });

const VERDICTS: readonly (readonly [name: string, does: string, verdict: object])[] = [
  ['grow-table', 'grows tables that have no maximum', answered('held')],
  ['two-memories', 'grows two memories', answered('held')],
  ['vars-long', 'empty variables with names of 100 KB', limited('memory')],
  ['blocks', 'blocks of the kernel', limited('memory')],
  ['json-bomb', 'makes the host parse what becomes large', limited('memory')],
  ['throw-out', 'throws its own exception through the host', failed('')],
  ['hoard', 'keeps an exception in every frame', failed('call stack')],
  ['spill', 'vectors in every frame', failed('call stack')],
  ['atomic-wait', 'waits for a wake-up nobody sends', failed('Atomics.wait')],
];

test.each(VERDICTS)('%s: %s', async (name, _, verdict) => {
  const outcome = await box.call(fixture(name), name, {}, { terms: { limits } });
  expect(outcome).toMatchObject(verdict);
  expect(outcome.usage.peakMemoryBytes).toBeLessThan(1.1 * limits.memoryBytes);
  expect(await box.call(fixture('plain'), 'upper', { input: 'a' })).toMatchObject(answered('A'));
});

test('a memory that is not exported shows in the peak like any other', async () => {
  const outcome = await box.call(
    fixture('two-memories'),
    'two-memories',
    {},
    { terms: { limits } },
  );
  // Two halves of the limit, of which the module exports one.
  expect(outcome.usage.peakMemoryBytes).toBeGreaterThan(0.9 * limits.memoryBytes);
});

test.each(['tail-loop', 'throw-loop'])('%s: ends at the deadline', async (name) => {
  const short = { ...limits, timeoutMs: 400 };
  const outcome = await box.call(fixture(name), name, {}, { terms: { limits: short } });
  expect(outcome).toMatchObject(limited('deadline'));
});

test('the memories of a component share one limit', async () => {
  const pages = async (terms: object): Promise<number> => {
    const outcome = await box.call(fixture('component-memories'), 'pages', {}, { terms });
    if (outcome.kind !== 'answered') throw new Error(JSON.stringify(outcome));
    return Number(outcome.answer.structuredContent?.['result']);
  };
  expect(await pages({ limits })).toBeLessThanOrEqual(1024);
  expect(await pages({ limits: { ...limits, memoryBytes: 64 * PAGE } })).toBeLessThanOrEqual(64);
});

test.each([
  ['component-twice', 'first', 'instantiated twice'],
  ['component-multiplied', 'f', 'too many instances'],
])('%s: no memory twice, no instances without end', async (name, tool, reason) => {
  const outcome = await box.call(fixture(name), tool, {}, { terms: { limits } });
  expect(outcome).toMatchObject(failed(reason));
});

interface Exports {
  readonly [name: string]: { readonly length: number; grow(by: number): number };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
}

test('as it came, a table grows past every bound; bounded, it does not', () => {
  // (table (export "t") 0 funcref)
  const table = [4, 4, 1, 0x70, 0, 0];
  const bytes = Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...table,
    7,
    5,
    1,
    1,
    0x74,
    1,
    0,
  ]);
  const grow = (module: Uint8Array): number | undefined =>
    new wasm.Instance(new wasm.Module(module)).exports['t']?.grow(1_000_000);
  expect(grow(bytes)).toBe(0);
  expect(() => grow(boundModule(bytes, { memoryBytes: 0 }))).toThrow(RangeError);
});
