// A program that raises SIGKILL, exits, traps, sleeps past its deadline or prints for ever ends its own
// call. Under node:wasi `proc_raise` kills the process that runs it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { defaultLimits } from '../../support/sandbox.ts';
import { type ProgramBox, programBox, runNaively } from '../../support/programs.ts';

let programs: ProgramBox;
beforeAll(async () => {
  programs = await programBox();
});
afterAll(() => programs[Symbol.asyncDispose]());

const pids = (): number[] => programs.box.sandbox.stats.executors.map(({ pid }) => pid);
const stillWorks = async (): Promise<void> =>
  expect(await programs.printed(['echo', 'still here'])).toBe('still here\n');

test('naively, raising a signal kills the process around it', () => {
  expect(runNaively(['echo', 'x'])).toEqual({ signal: null, stdout: 'x\n(the process lives)' });
  expect(runNaively(['raise'])).toEqual({ signal: 'SIGKILL', stdout: '' });
});

test('a raised signal, an exit and a trap end the call; the executor serves the next one', async () => {
  await stillWorks();
  const before = pids();
  expect(await programs.run(['raise'])).toMatchObject({
    kind: 'failed',
    reason: 'the tool raised signal 9',
  });
  for (const code of [0, 1, 42, 255, 4_294_967_295]) {
    expect(await programs.run(['exit', String(code)])).toMatchObject({
      kind: 'answered',
      answer: {
        content: [{ type: 'text', text: '' }],
        structuredContent: { exitCode: code, stdout: '', stderr: 'leaving\n' },
        isError: code !== 0,
      },
    });
  }
  const lines: string[] = [];
  const onLog = (level: string, line: string): void => void lines.push(`${level} ${line}`);
  const trapped = await programs.run(['trap'], { onLog });
  expect(trapped).toMatchObject({ kind: 'failed', reason: 'trap: unreachable' });
  expect(lines).toEqual(['warn because of this']);
  await stillWorks();
  expect(pids()).toEqual(before);
});

test('a sleep is a sleep, and ends with the deadline', async () => {
  expect(await programs.printed(['sleep', '20'])).toBe('woke\n');
  const limits = { ...defaultLimits, timeoutMs: 400 };
  const outcome = await programs.run(['sleep', '3600000'], { terms: { limits } });
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'deadline' });
  await stillWorks();
});

test('output that never ends runs into its limit', async () => {
  const limits = { ...defaultLimits, outputBytes: 200_000 };
  const outcome = await programs.run(['flood'], { terms: { limits } });
  expect(outcome).toMatchObject({ kind: 'limit', limit: 'output' });
  await stillWorks();
});

test('a file left open is put in place by an end, and by a trap dropped without a trace', async () => {
  await programs.run(['leave', 'left.txt', 'all of it']);
  expect(readFileSync(join(programs.directory, 'left.txt'), 'utf8')).toBe('all of it');
  const trapped = await programs.run(['leave-trap', 'half.txt', 'half of it']);
  expect(trapped).toMatchObject({ kind: 'failed' });
  expect(existsSync(join(programs.directory, 'half.txt'))).toBe(false);
  await vi.waitFor(() => expect(readdirSync(programs.directory)).toEqual(['left.txt']));
});
