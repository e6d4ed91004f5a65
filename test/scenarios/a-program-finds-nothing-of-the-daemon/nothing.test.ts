// A program looks for what is not its own: environment and arguments of the processes around it,
// descriptors of theirs, what an earlier call left open. The naive form hands it its environment.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ProgramBox, programBox, runNaively } from '../../support/programs.ts';

let programs: ProgramBox;
beforeAll(async () => {
  process.env['WARDER_TEST_TOKEN'] = 'a secret of the daemon';
  programs = await programBox();
});
afterAll(async () => {
  delete process.env['WARDER_TEST_TOKEN'];
  await programs[Symbol.asyncDispose]();
});

test('naively, the environment of the process is its own', () => {
  const token = { TOKEN: 'a secret of the daemon' };
  expect(runNaively(['environment'], '/tmp', token).stdout).toContain('a secret of the daemon');
});

test('it sees the variables it was granted, and no other', async () => {
  expect(await programs.printed(['environment'])).toBe('');
  const env = { LANG: 'C', PS1: 'a=b\n$ ' };
  expect(await programs.printed(['environment'], { terms: { env } })).toBe('LANG=C\nPS1=a=b\n$ ');
});

test('it sees the arguments and the input of its call', async () => {
  const outcome = await programs.run(['echo', 'one', '', 'zwei ü'], { stdin: 'in\0put' });
  expect(outcome).toMatchObject({
    answer: { structuredContent: { stdout: 'one\n\nzwei ü\nin\0put' } },
  });
});

test('its descriptors are its own: three streams and what was granted', async () => {
  expect(await programs.printed(['descriptors'])).toBe('0 1 2 3 ');
  expect(await programs.printed(['descriptors'], { terms: { read: [], write: [] } })).toBe(
    '0 1 2 ',
  );
  for (const fd of ['4', '5', '17', '18', '1000', '4294967295']) {
    expect(await programs.printed(['raw-fd', fd])).toBe('8');
  }
});

test('what an earlier call of the same executor left open is open to nobody', async () => {
  await programs.run(['leave', 'left', 'of the first call']);
  const [before] = programs.box.sandbox.stats.executors;
  expect(await programs.printed(['descriptors'])).toBe('0 1 2 3 ');
  expect(await programs.printed(['raw-fd', '4'])).toBe('8');
  expect(programs.box.sandbox.stats.executors.map(({ pid }) => pid)).toEqual([before?.pid]);
});
