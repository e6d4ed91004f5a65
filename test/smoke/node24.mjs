// Smoke run of the built package on the oldest Node it promises: `npm test` runs it there, with
// node:test, after the vitest tests. It loads dist only, never src.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

test('this is the oldest Node that package.json promises', () => {
  const promised = /(\d+)/.exec(own.engines.node)[1];
  assert.equal(process.versions.node.split('.')[0], promised);
});

for (const [name, target] of Object.entries(own.exports ?? {})) {
  if (typeof target === 'string') continue;
  test(`\`${name}\` of the package loads`, async () => {
    const loaded = await import(pathToFileURL(join(root, target.default)).href);
    if (name !== './tool') assert.notEqual(Object.keys(loaded).length, 0);
  });
}

test('the command line says its version', () => {
  const ran = spawnSync(process.execPath, [join(root, own.bin.warder), '--version'], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.equal(ran.stderr, '');
  assert.equal(ran.status, 0);
  assert.ok(ran.stdout.includes(own.version), ran.stdout);
});
