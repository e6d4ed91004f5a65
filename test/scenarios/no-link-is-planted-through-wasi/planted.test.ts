// A program plants a symbolic link in a directory it may write, for whoever follows it later. node:wasi
// makes those that lead within by their text.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ProgramBox, programBox, runNaively } from '../../support/programs.ts';

const NOTCAPABLE = '76';
const EXIST = '20';

let programs: ProgramBox;
beforeAll(async () => {
  programs = await programBox();
});
afterAll(() => programs[Symbol.asyncDispose]());

test('naively, two links that lead within by their text lead out together', () => {
  const around = mkdtempSync(join(tmpdir(), 'warder-naive-'));
  try {
    const directory = join(around, 'granted');
    mkdirSync(directory);
    writeFileSync(join(around, 'secret'), 'not granted');
    for (const step of [
      ['symlink', '.', 'here'],
      ['symlink', 'here/../secret', 'link'],
    ]) {
      expect(runNaively(step, directory).stdout).toBe('0(the process lives)');
    }
    // Whoever opens what the tool wrote.
    expect(readFileSync(join(directory, 'link'), 'utf8')).toBe('not granted');
  } finally {
    rmSync(around, { recursive: true });
  }
});

test('no link of either kind comes to be, whatever it leads to and wherever it stands', async () => {
  const { directory } = programs;
  writeFileSync(join(directory, 'file'), 'x');
  for (const target of ['/etc/passwd', '../../../etc/passwd', 'file', '.', '/work/file']) {
    expect(await programs.printed(['symlink', target, 'planted'])).toBe(NOTCAPABLE);
    expect(await programs.printed(['symlink', target, 'file'])).toBe(EXIST);
    expect(await programs.printed(['symlink', target, '../planted'])).toBe(NOTCAPABLE);
    expect(await programs.printed(['symlink', target, '/tmp/planted'])).toBe(NOTCAPABLE);
  }
  expect(await programs.printed(['directory', 'deep'])).toBe('0');
  expect(await programs.printed(['symlink', '../secret', 'deep/link'])).toBe(NOTCAPABLE);
  expect(await programs.printed(['rename', 'deep', '../deep'])).toBe(NOTCAPABLE);
  expect(await programs.printed(['link', 'file', 'planted'])).toBe(NOTCAPABLE);
  expect(readdirSync(directory)).toEqual(['deep', 'file']);
  expect(readdirSync(join(directory, 'deep'))).toEqual([]);
  expect(lstatSync(join(directory, 'file'))).toMatchObject({ nlink: 1 });
  expect(existsSync('/tmp/planted')).toBe(false);
});
