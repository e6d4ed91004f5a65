import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPolicyFiles } from '../../../../src/front/cli/commands/policy-files.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'warder-policy-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const write = (...names: readonly string[]): void => {
  for (const name of names) writeFileSync(join(directory, name), name);
};

test('drafts of both kinds are read in order of their names, and nothing else', () => {
  write('20.rules.json', '10.cedar', 'README.md', 'desk.cases.json');
  expect(readPolicyFiles(directory)).toEqual([
    { name: '10.cedar', text: '10.cedar' },
    { name: '20.rules.json', text: '20.rules.json' },
  ]);
  expect(readPolicyFiles(join(directory, '10.cedar'))).toHaveLength(1);
});

test.each(['a.rules.jsonc', 'a.rules', 'a.RULES.json', 'a.Cedar'])(
  '%s is not passed over in silence',
  (name) => {
    write('10.cedar', name);
    expect(() => readPolicyFiles(directory)).toThrow(`\`${name}\` would not be read as a policy`);
  },
);

test('what cannot be read is an error', () => {
  expect(() => readPolicyFiles(join(directory, 'nowhere'))).toThrow('cannot read policies from');
});
