// What toolchains export is no tool, and a tool may have the name of an inherited member: nothing is ever
// looked up on a prototype.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestSandbox, fixture, type TestSandbox } from '../../support/sandbox.ts';

let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox();
});
afterAll(() => box.sandbox.close());

const toolsOf = async (name: string): Promise<string[]> =>
  (await box.sandbox.inspect(fixture(name), 'extism', { unsafeNoJail: true })).tools.map(
    (tool) => tool.name,
  );

test('what toolchains generate is offered to nobody', async () => {
  expect(await toolsOf('export-generated')).toEqual(['work']);
});

test.each([
  'init',
  'main',
  'memory',
  'version',
  '_start',
  '__wasm_call_ctors',
  'cabi_realloc',
  'wasi:cli/run@0.2.0#run',
  'wizer.initialize',
  'toString',
  'constructor',
  '__proto__',
  'hasOwnProperty',
])('%s cannot be called by its name either', async (name) => {
  const outcome = await box.call(fixture('export-generated'), name, { input: '' });
  expect(outcome.kind).toBe('failed');
  const next = await box.call(fixture('export-generated'), 'work', { input: '' });
  expect(next).toMatchObject({ kind: 'answered', answer: { content: [{ text: 'done' }] } });
});

test('a tool named after an inherited member is that tool', async () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'then'];
  expect((await toolsOf('export-constructor')).sort()).toEqual(names.sort());
  for (const name of names) {
    expect(await box.call(fixture('export-constructor'), name, { input: '' })).toMatchObject({
      kind: 'answered',
      answer: { content: [{ text: 'mine' }] },
    });
  }
});
