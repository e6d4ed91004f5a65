// Programs as tools: what makes a module one, what it is called, and what its answer holds.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptyGrant } from '../../../src/catalog/grant.ts';
import { prepareInstallation } from '../../../src/catalog/prepare.ts';
import { isCommand } from '../../../src/run/sandbox/executor/extism/command.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  type TestSandbox,
} from '../../support/sandbox.ts';

let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox();
});
afterAll(() => box.sandbox.close());

describe('what a program is', () => {
  test('a module that exports `_start` and nothing else to call', () => {
    expect(isCommand(new Set(['_start']))).toBe(true);
    expect(isCommand(new Set(['_start', '__main_void', 'malloc', 'asyncify_start_unwind']))).toBe(
      true,
    );
    expect(isCommand(new Set(['_start', 'greet']))).toBe(false);
    expect(isCommand(new Set(['_initialize']))).toBe(false);
    expect(isCommand(new Set())).toBe(false);
  });

  test('it is one operation, called what the operator calls it', async () => {
    const { installation } = await prepareInstallation(fixture('program'), box.sandbox, {
      id: 'inst_1',
      name: 'word-count',
      grant: { ...emptyGrant, unsafeNoJail: true },
      now: 1,
    });
    expect(installation.convention).toBe('command');
    expect(installation.tools).toHaveLength(1);
    expect(installation.tools[0]).toMatchObject({
      name: 'word-count',
      inputSchema: { properties: { args: { type: 'array' }, stdin: { type: 'string' } } },
      outputSchema: { required: ['exitCode', 'stdout', 'stderr'] },
    });
  });

  test('nothing of it runs while it is described', async () => {
    const described = box.sandbox.inspect(fixture('program'), 'extism', { unsafeNoJail: true });
    await expect(described).resolves.toMatchObject({ convention: 'command' });
  });
});

describe('what it answers', () => {
  const run = (args: readonly string[], outputBytes: number = defaultLimits.outputBytes) =>
    box.call(
      fixture('program'),
      'word-count',
      { args: [...args] },
      { terms: { limits: { ...defaultLimits, outputBytes } } },
    );

  test('without arguments, and with none of its own', async () => {
    const outcome = await box.call(fixture('program'), 'x', {});
    expect(outcome).toMatchObject({
      kind: 'answered',
      answer: { structuredContent: { exitCode: 0, stdout: '', stderr: '' }, isError: false },
    });
  });

  test('an argument with a NUL fails the call before the program runs', async () => {
    const outcome = await run(['echo', 'a\0b']);
    expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('NUL') });
  });

  test('what just fits is answered, one byte more is not', async () => {
    const answer = (text: string): number =>
      JSON.stringify({
        content: [{ type: 'text', text: `${text}\n` }],
        structuredContent: { exitCode: 0, stdout: `${text}\n`, stderr: '' },
        isError: false,
      }).length;
    const text = 'x'.repeat(1000);
    expect(await run(['echo', text], answer(text))).toMatchObject({ kind: 'answered' });
    expect(await run(['echo', text], answer(text) - 1)).toMatchObject({
      kind: 'limit',
      limit: 'output',
    });
  });

  test('the time it took and the memory it had are told', async () => {
    const { usage } = await run(['echo', 'x']);
    expect(usage.peakMemoryBytes).toBeGreaterThanOrEqual(65_536);
    expect(usage.peakMemoryBytes % 65_536).toBeLessThan(1000);
  });
});
