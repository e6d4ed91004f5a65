// Smoke run of the built package on the oldest Node it promises: `npm test` runs it there, with
// node:test, after the vitest tests. It loads dist only, never src.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
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

describe('a first call', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'warder-smoke-'));
  const home = join(scratch, 'home');

  function warder(...args) {
    const ran = spawnSync(
      process.execPath,
      ['--disable-sigusr1', join(root, own.bin.warder), '--home', home, ...args],
      {
        encoding: 'utf8',
        timeout: 60_000,
        env: { PATH: process.env['PATH'], HOME: scratch, XDG_STATE_HOME: join(scratch, 'state') },
      },
    );
    assert.equal(ran.status, 0, `warder ${args.join(' ')}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  after(() => {
    warder('stop');
    rmSync(scratch, { recursive: true, force: true });
  });

  test('a home is made and a plugin and a component are admitted', () => {
    warder('init');
    warder('tool', 'add', join(root, 'tools', 'text'));
    warder('tool', 'add', join(root, 'tools', 'data-query'));
  });

  test('the daemon runs on this Node', () => {
    const node = JSON.parse(warder('--json', 'doctor')).find(({ subject }) => subject === 'node');
    assert.ok(node.text.includes(process.version), node.text);
  });

  test('both answer', () => {
    assert.equal(warder('call', 'text_echo', '--args', '{"text":"hello"}'), 'hello\n');
    const query = { data: [{ n: 1 }, { n: 2 }], where: 'n > 1' };
    const answer = JSON.parse(
      warder('--json', 'call', 'query_json', '--args', JSON.stringify(query)),
    );
    assert.deepEqual(answer.structuredContent.rows, [{ n: 2 }]);
  });

  test('a receipt verifies offline', () => {
    const { receipt } = JSON.parse(
      warder('--json', 'call', 'text_echo', '--args', '{"text":"proved"}'),
    );
    const [proof, keys] = [join(scratch, 'receipt.proof'), join(scratch, 'keys.json')];
    writeFileSync(proof, warder('receipts', 'proof', receipt.id));
    writeFileSync(keys, warder('keys', 'jwks'));
    const verified = warder('--home', '/nonexistent', 'receipts', 'verify', proof, '--key', keys);
    assert.match(verified, /^verified: /);
  });
});
