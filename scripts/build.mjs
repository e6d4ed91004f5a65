// Builds dist beside the old one and swaps it in whole, so that whoever runs from dist meanwhile
// never sees half a build, and a failed build leaves the last good one.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { sourceDigest, stampName } from './build-stamp.mjs';
import { bundle } from './bundle.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const next = join(root, '.cache', `dist-${process.pid}`);
const old = join(root, '.cache', `dist-${process.pid}-old`);

/** What a room reads at run time and tsc does not emit: policies, migrations, schemas. */
function copyAssets(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyAssets(source, target);
    else if (extname(entry.name) !== '.ts') {
      mkdirSync(dirname(target), { recursive: true });
      cpSync(source, target);
    }
  }
}

const stamp = sourceDigest(root);
mkdirSync(next, { recursive: true });
process.on('exit', () => {
  for (const dir of [next, old]) rmSync(dir, { recursive: true, force: true });
});

const tsc = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', next],
  { cwd: root, stdio: 'inherit' },
);
if (tsc.status !== 0) process.exit(1);
copyAssets(join(root, 'src'), next);
await bundle(root, next);
writeFileSync(join(next, stampName), `${stamp}\n`);

if (existsSync(dist)) renameSync(dist, old);
renameSync(next, dist);
