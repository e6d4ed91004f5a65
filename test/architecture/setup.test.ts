// What setup does and leaves alone, tried on a small house with the repository's node_modules.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { plantTree, repository, type PlantedTree } from './planted-tree.ts';

describe('scripts/setup.mjs', () => {
  let tree: PlantedTree;
  const setup = (): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, ['scripts/setup.mjs'], { cwd: tree.root, encoding: 'utf8' });

  beforeAll(() => {
    tree = plantTree();
  });
  afterAll(() => tree.remove());

  test('builds what is not built, and does nothing the second time', () => {
    const first = setup();
    expect(first.status, first.stderr).toBe(0);
    expect(first.stdout).toContain('setup: building dist');
    expect(existsSync(join(tree.root, 'dist/gate/gate.js'))).toBe(true);
    expect(setup()).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  test('builds again when a source changed', () => {
    tree.write({ 'src/gate/new.ts': 'export const one: number = 1;\n' });
    expect(setup().stdout).toContain('setup: building dist');
    expect(existsSync(join(tree.root, 'dist/gate/new.js'))).toBe(true);
  });

  test('fails when the build does', () => {
    tree.write({ 'src/gate/new.ts': "export const one: number = 'one';\n" });
    const { status, stderr } = setup();
    expect(status).toBe(1);
    expect(stderr).toContain('error[setup]: the build failed');
  });
});

describe('system packages', () => {
  let cache: string;
  const ensure = (required: boolean): { missing: unknown; said: string } => {
    const module = join(repository, 'scripts/system-packages.mjs');
    const row = { command: 'warder-absent', package: 'absent', neededFor: 'this', required };
    const program =
      `import { ensureSystemPackages } from ${JSON.stringify(module)};` +
      `const missing = ensureSystemPackages(${JSON.stringify(cache)}, [${JSON.stringify(row)}]);` +
      'console.error(JSON.stringify(missing.map((each) => each.command)));';
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { PATH: cache },
    });
    return { missing: JSON.parse(ran.stderr), said: ran.stdout };
  };

  beforeAll(() => {
    cache = mkdtempSync(join(tmpdir(), 'warder-cache-'));
  });
  afterAll(() => rmSync(cache, { recursive: true }));

  test('a required one that cannot be had is reported', () => {
    expect(ensure(true)).toEqual({ missing: ['warder-absent'], said: '' });
  });

  test('an optional one that cannot be had is only said', () => {
    const { missing, said } = ensure(false);
    expect(missing).toEqual([]);
    expect(said).toContain('apt-get install absent');
  });
});
