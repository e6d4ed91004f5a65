// What the build promises of dist, tried on a small house.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { plantTree, type PlantedTree } from './planted-tree.ts';

const files: Readonly<Record<string, string>> = {
  'src/decide/policy/starter.cedar': 'permit (principal, action, resource);\n',
  'src/decide/policy/starter.ts':
    "import { readFileSync } from 'node:fs';\n\n" +
    "export const starter: string = readFileSync(new URL('./starter.cedar', import.meta.url), 'utf8');\n" +
    'export const place: string = import.meta.dirname;\n',
  'src/front/cli/main.ts':
    '#!/usr/bin/env node\n' +
    "if (process.argv[2] === 'policy') {\n" +
    "  const { starter, place } = await import('../../decide/policy/starter.ts');\n" +
    '  console.log(JSON.stringify({ starter, place }));\n' +
    "} else console.log('quick');\n",
  'src/run/sandbox/executor/wasi/index.ts':
    "export class WASI {\n  readonly own: string = 'ours';\n}\n",
  'src/run/sandbox/executor/main.ts':
    "import { WASI as Theirs } from 'node:wasi';\nimport { WASI } from 'wasi';\n\n" +
    "console.log(JSON.stringify([WASI, Theirs].map((Each) => new Each({ version: 'preview1' }))));\n",
};

describe('the build', () => {
  let tree: PlantedTree;
  const build = (): { status: number | null; output: string } => {
    const ran = spawnSync(process.execPath, ['scripts/build.mjs'], {
      cwd: tree.root,
      encoding: 'utf8',
    });
    return { status: ran.status, output: ran.stdout + ran.stderr };
  };
  const run = (program: string, ...args: string[]): string => {
    const ran = spawnSync(process.execPath, [join(tree.root, 'dist', program), ...args], {
      encoding: 'utf8',
    });
    expect(ran.stderr).toBe('');
    return ran.stdout;
  };

  beforeAll(() => {
    tree = plantTree();
    tree.write(files);
    expect(build()).toMatchObject({ status: 0 });
  });
  afterAll(() => tree.remove());

  test('emits modules and their types', () => {
    expect(existsSync(join(tree.root, 'dist/gate/gate.js'))).toBe(true);
    expect(readFileSync(join(tree.root, 'dist/gate/gate.d.ts'), 'utf8')).toContain('serve()');
  });

  test('a bundled room still finds the files that stand beside it', () => {
    expect(JSON.parse(run('bin/main.js', 'policy'))).toEqual({
      starter: 'permit (principal, action, resource);\n',
      place: join(tree.root, 'dist/decide/policy'),
    });
  });

  test('the command line keeps its lazy imports out of its first file', () => {
    expect(run('bin/main.js')).toBe('quick\n');
    expect(readFileSync(join(tree.root, 'dist/bin/main.js'), 'utf8')).not.toContain('cedar');
  });

  test("the executor runs our WASI, never Node's", () => {
    expect(JSON.parse(run('executor/executor.mjs'))).toEqual([{ own: 'ours' }, { own: 'ours' }]);
    const bundled = readFileSync(join(tree.root, 'dist/executor/executor.mjs'), 'utf8');
    expect(bundled).not.toMatch(/["'](node:)?wasi["']/);
  });

  test('a failed build leaves the last good one', () => {
    tree.write({ 'src/gate/broken.ts': "export const one: number = 'one';\n" });
    expect(build().status).not.toBe(0);
    expect(run('bin/main.js')).toBe('quick\n');
    tree.delete('src/gate/broken.ts');
  });

  test('a removed source leaves dist', () => {
    tree.write({ 'src/gate/short-lived.ts': 'export const one: number = 1;\n' });
    build();
    expect(existsSync(join(tree.root, 'dist/gate/short-lived.js'))).toBe(true);
    tree.delete('src/gate/short-lived.ts');
    build();
    expect(existsSync(join(tree.root, 'dist/gate/short-lived.js'))).toBe(false);
  });
});
