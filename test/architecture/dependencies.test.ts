// Every dependency has its reason, and every reason its dependency.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { repository } from './planted-tree.ts';

const own = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
};
const page = readFileSync(join(repository, 'docs/dependencies.md'), 'utf8');

/** The packages with a row, and a reason in it, under that heading. */
function listed(heading: string): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` +\| +\S.*\|$/gm)].map((row) => row[1] ?? '').sort();
}

describe('docs/dependencies.md', () => {
  test('lists what runs, each with a reason', () => {
    const run = { ...own.dependencies, ...own.optionalDependencies };
    expect(listed('At run time')).toEqual(Object.keys(run).sort());
  });

  test('lists what builds and tests, each with a reason', () => {
    expect(listed('For building')).toEqual(Object.keys(own.devDependencies).sort());
  });
});

test('every version is exact', () => {
  const { dependencies, devDependencies, optionalDependencies } = own;
  const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
  const versions = Object.values(all);
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test('only three packages may run an install script', () => {
  const allowed = Object.keys(own.allowScripts).filter((name) => own.allowScripts[name]);
  expect(allowed.sort()).toEqual(['esbuild', 'node', 'pkcs11js']);
});
