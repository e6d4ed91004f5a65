// The README's commands on receipts and keys, run as they stand there.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { describeHardware } from '../support/hardware.ts';
import { createTestHome, repository, type TestHome, warderMain } from '../support/warder.ts';

const run = promisify(execFile);
const readme = readFileSync(join(repository, 'README.md'), 'utf8');

/** The shell block that follows `words`. */
function block(words: string): string {
  const [, after = ''] = readme.split(`${words}\n`);
  return /```sh\n([^]*?)```/.exec(after)?.[1] ?? '';
}

/** A place like a checkout, below a home directory of its own. */
const checkout = mkdtempSync(join(tmpdir(), 'warder-readme-'));
for (const name of ['docs', 'docker', 'tools']) {
  symlinkSync(join(repository, name), join(checkout, name));
}
afterAll(() => rmSync(checkout, { recursive: true, force: true, maxRetries: 5 }));

/** In the place of npm: `npm run -s warder -- ARGS` becomes the built command. */
const bin = join(checkout, 'bin');
mkdirSync(bin);
writeFileSync(
  join(bin, 'npm'),
  `#!/bin/sh\nshift 4\nexec '${process.execPath}' --disable-sigusr1 '${warderMain}' "$@"\n`,
  { mode: 0o755 },
);

/** What the script leaves running ends with it: the daemons first, then what they sign with. */
const PRELUDE = `
set -euo pipefail
end() {
  for home in ~/of-*; do npm run -s warder -- --home "$home" stop || true; done
  kill $(jobs -p) 2> /dev/null || true
}
trap end EXIT
`;

async function shell(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  expect(script).not.toBe('');
  const { stdout } = await run('bash', ['--norc', '-c', `${PRELUDE}${script}`], {
    cwd: checkout,
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: checkout, ...env },
    timeout: 100_000,
  });
  return stdout;
}

test('receipts anyone can check', async () => {
  const home: TestHome = await createTestHome();
  try {
    await home.ok(['tool', 'add', sampleTool('text')]);
    const call = ['call', 'text_stats', '--args', '{"text":"to be or not to be"}'];
    const { receipt } = await home.ok<{ receipt: { id: string } }>(call);
    const blocks = [
      block('Every one of these left a receipt:'),
      block('## Receipts anyone can check'),
    ];
    const script = blocks.join('').replaceAll('call_…', receipt.id);
    const said = await shell(script, { WARDER_HOME: home.root });
    expect(said).toContain('verified: leaf');
    expect(said).toContain('disclosed arguments: {"text":"to be or not to be"}');
    expect(said).toContain('the log holds:');
    const { mediaType } = JSON.parse(
      readFileSync(join(checkout, 'receipt.sigstore.json'), 'utf8'),
    ) as { mediaType?: string };
    expect(mediaType).toContain('sigstore.bundle');
  } finally {
    await home.remove();
  }
}, 60_000);

describeHardware('with devices of software', () => {
  test('keys that never leave', async () => {
    const said = await shell(block('## Keys that never leave'));
    expect(said).toContain('made in it, fixed to it');
    expect(said).toContain('software token');
    expect(said).toContain('key in a signer process');
    expect(said).toContain('copies: provable');
    expect(said).toContain('written to');
  }, 120_000);
});
