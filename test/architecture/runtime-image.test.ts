// The runtime image's steps, run into a folder instead of an image.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { hardware } from '../support/hardware.ts';
import { plantTree, repository, type PlantedTree } from './planted-tree.ts';

const install = join(repository, 'docker/runtime/install.sh');

const program = `// Says what it loads.
import { sha256 } from '@noble/hashes/sha2.js';

const says = { sha256: typeof sha256, flags: process.execArgv, args: process.argv.slice(2) };
console.log(JSON.stringify(says));
`;

describe('docker/runtime/install.sh', () => {
  let tree: PlantedTree;
  let prefix: string;
  const run = (): { status: number | null; stdout: string; stderr: string } =>
    spawnSync('bash', [install, prefix, tree.root], { encoding: 'utf8' });

  beforeAll(() => {
    tree = plantTree();
    prefix = mkdtempSync(join(tmpdir(), 'warder-prefix-'));
    cpSync(join(repository, 'package.json'), join(tree.root, 'package.json'));
  });
  afterAll(() => {
    tree.remove();
    rmSync(prefix, { recursive: true, force: true });
  });

  test('refuses a checkout that is not built', () => {
    const { status, stderr } = run();
    expect(status).toBe(7);
    expect(stderr).toContain('hint: run `npm run build`');
  });

  test('installs what runs and nothing that builds, twice in a row', { timeout: 120_000 }, () => {
    tree.write({ 'dist/bin/main.js': program });
    for (const _ of ['first', 'second']) {
      const { status, stderr, stdout } = run();
      expect(status, stderr).toBe(0);
      // `npm test` has compiled it in the checkout.
      expect(hardware && stdout.includes('without PKCS#11 keys')).toBe(false);
    }
    const ran = spawnSync(join(prefix, 'bin/warder'), ['status'], { encoding: 'utf8' });
    expect(JSON.parse(ran.stdout)).toEqual({
      sha256: 'function',
      flags: ['--disable-sigusr1'],
      args: ['status'],
    });
    const installed = readdirSync(join(prefix, 'lib/warder/node_modules'));
    expect(installed).toContain('undici');
    expect(installed).not.toContain('typescript');
    const native = `require('pkcs11js'); console.log('loads');`;
    const loads = spawnSync(process.execPath, ['-e', native], { cwd: join(prefix, 'lib/warder') });
    expect(!hardware || loads.stdout.toString() === 'loads\n', String(loads.stderr)).toBe(true);
  });

  test('is what the Dockerfile runs', () => {
    const steps = readFileSync(join(repository, 'docker/runtime/Dockerfile'), 'utf8');
    expect(steps).toContain('docker/runtime/install.sh /opt/warder');
  });
});
