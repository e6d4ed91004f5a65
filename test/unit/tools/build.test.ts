// The committed artifacts are what their sources give.

import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';

const names = readdirSync('tools', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

function run(...args: string[]): { status: number | null; said: string } {
  const ran = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status: ran.status, said: ran.stdout + ran.stderr };
}

test('every tool is whole: manifest, readme, artifact of the recorded digest', () => {
  const digests = JSON.parse(readFileSync('tools/digests.json', 'utf8')) as Record<string, string>;
  expect(Object.keys(digests)).toEqual(names);
  for (const name of names) {
    const manifest = JSON.parse(readFileSync(`tools/${name}/warder.json`, 'utf8')) as object;
    expect(manifest).toMatchObject({ name, description: expect.any(String) as string, grants: {} });
    expect(readFileSync(`tools/${name}/README.md`, 'utf8')).toContain(`# ${name}`);
    const artifact = readFileSync(`tools/${name}/${name}.wasm`);
    expect(createHash('sha256').update(artifact).digest('hex'), name).toBe(digests[name]);
  }
});

test('building again gives the committed bytes', { timeout: 120_000 }, () => {
  const { status, said } = run('scripts/build-tools.mjs', '--check');
  expect(status, said).toBe(0);
  expect(said).toMatch(/ 0 different/);
  for (const name of names) {
    const rebuilt = said.includes(`ok ${name} `);
    // A missing C compiler is said with what to install, and is no failure.
    const told = new RegExp(`NOT REBUILT ${name}: .*apt-get install clang`).test(said);
    expect(rebuilt || told, said).toBe(true);
    if (told) process.stderr.write(`${said.match(/NOT REBUILT.*/)?.[0] ?? ''}\n`);
  }
});

test('a tool nobody knows is a usage error', () => {
  const { status, said } = run('scripts/build-tools.mjs', '--check', 'nope');
  expect(status).toBe(2);
  expect(said).toContain('hint:');
});

test('the fixtures are what their sources give', { timeout: 120_000 }, () => {
  const { status, said } = run('test/fixtures/wasm/build.mjs', '--check');
  expect(status, said).toBe(0);
});
