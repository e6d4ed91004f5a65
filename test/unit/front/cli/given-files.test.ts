// Files named on the command line: bounded, whatever they say of their size.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readGivenFile, readGivenText } from '../../../../src/front/cli/given-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'warder-given-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);

test('a file is read whole, up to the bound and no further', () => {
  writeFileSync(file('a'), Buffer.alloc(200_000, 'é'));
  expect(readGivenFile(file('a'), { most: 200_000 })).toHaveLength(200_000);
  expect(readGivenText(file('a'), { most: 200_000 })).toBe('é'.repeat(100_000));
  const refused = {
    code: 'usage',
    message: expect.stringContaining('longer than 199999') as string,
  };
  expect(() => readGivenFile(file('a'), { most: 199_999 })).toThrow(
    expect.objectContaining(refused),
  );
});

test('one without an end and without a size is no exception', () => {
  expect(() => readGivenFile('/dev/zero', { most: 1000 })).toThrow('longer than 1000 bytes');
});

test('a pipe is read to its end', () => {
  expect(spawnSync('mkfifo', [file('pipe')]).status).toBe(0);
  const text = 'x'.repeat(150_000);
  writeFileSync(file('text'), text);
  spawnSync('sh', ['-c', `cat ${file('text')} > ${file('pipe')} &`], { stdio: 'ignore' });
  expect(readGivenText(file('pipe'))).toBe(text);
});

test('what is not there: its name, and what to do', () => {
  const refused = { code: 'usage', hint: 'name a file with vkeys' };
  expect(() => readGivenText(file('none'), { hint: 'name a file with vkeys' })).toThrow(
    expect.objectContaining(refused),
  );
  expect(() => readGivenText(folder)).toThrow(`cannot read \`${folder}\``);
});
