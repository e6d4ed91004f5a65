// Files of some kilobytes that mean gigabytes to the compiler, or to the code that copies what a guest
// hands over. Admission cannot see all of them; the bounds of the jail end the executor, and the next
// call works.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { detectJail } from '../../../src/base/process/detect-jail.ts';
import { admit } from '../../../src/catalog/admit.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';
import { leb, list, moduleOf, text } from '../../support/wasm-bytes.ts';

const GiB = 1024 ** 3;
const { jail } = await detectJail();

let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox(jail === undefined ? {} : { jail });
});
afterAll(() => box.sandbox.close());

const repeat = (count: number, ...bytes: readonly number[]): number[] =>
  Array.from({ length: count }, () => bytes).flat();

/** A function of no locals, but of 48,000 values on its stack when it branches 2,000 times: 14 KB. */
function deepStack(): Uint8Array {
  const results = 16;
  const pushes = repeat(3000, 0x10, 1);
  const branches = repeat(2000, 0x41, 0, 0x04, 0x40, 0x0b);
  const deep = [0, ...pushes, ...branches, 0x00, 0x0b];
  return moduleOf(
    [1, list([0x60, 0, 0], [0x60, 0, results, ...repeat(results, 0x7f)])],
    [3, list([0], [1])],
    [7, list([...text('f'), 0, 0])],
    [10, list([...leb(deep.length), ...deep], [3, 0, 0x00, 0x0b])],
  );
}

test('as it came, the small module needs more than a gigabyte to compile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'warder-bomb-'));
  try {
    const file = join(folder, 'bomb.wasm');
    writeFileSync(file, deepStack());
    const compile = `
      const bytes = require('node:fs').readFileSync(${JSON.stringify(file)});
      try { new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f(); } catch {}
    `;
    const words = [`--data=${String(GiB)}`, '--', process.execPath, '-e', compile];
    const { status, signal, stderr } = spawnSync('prlimit', words, { encoding: 'utf8' });
    expect({ status, signal }).not.toEqual({ status: 0, signal: null });
    expect(stderr).toContain('out of memory');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.runIf(jail !== undefined).each([
  ['values on the stack at every branch', deepStack, 'f'],
  ['a list of lists that are all the same megabyte', () => fixture('component-lists'), 'f'],
])('%s: the executor ends, not the host', async (_, make, tool) => {
  const bytes = make();
  expect(bytes.length).toBeLessThan(20_000);
  expect(admit(bytes).minimumMemory).toBeLessThan(16 * 1024 ** 2);
  const terms = { limits: { ...defaultLimits, timeoutMs: 10_000 }, unsafeNoJail: false };
  const outcome = await box.call(bytes, tool, { input: '' }, { terms });
  expect(['failed', 'limit']).toContain(outcome.kind);
  const next = await box.call(fixture('plain'), 'upper', { input: 'a' }, { terms });
  expect(next).toMatchObject({ kind: 'answered', answer: { content: [{ text: 'A' }] } });
});
