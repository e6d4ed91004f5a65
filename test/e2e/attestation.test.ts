// Where a key is, from the command line: a home whose keys are in a TPM, and an auditor with a CA and a nonce.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTpmMaker, type TpmMaker } from '../support/endorsed-tpm.ts';
import { describeHardware } from '../support/hardware.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

interface Verdict {
  readonly kid: string;
  readonly level: string;
  readonly origin: string;
  readonly tpm: { readonly ak: string };
}

const folder = mkdtempSync(join(tmpdir(), 'warder-e2e-attest-'));
const file = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeHardware('a home with its key in a TPM', () => {
  const maker: TpmMaker = createTpmMaker();
  const nonce = randomBytes(32).toString('hex');
  let home: TestHome;
  let nowhere: TestHome;

  beforeAll(async () => {
    const { port } = await maker.make();
    home = await createTestHome({ init: false });
    const uri = `tpm2:blob=keys/signing.tpm?socket=127.0.0.1:${port}&auth-source=keys/signing.auth`;
    await home.ok(['init', '--key', uri]);
    // The auditor has a directory, and nothing in it.
    nowhere = await createTestHome({ init: false });
  }, 60_000);
  afterAll(async () => {
    await home.remove();
    await nowhere.remove();
    await maker.remove();
  });

  const judge = (evidence: string, ...more: readonly string[]): Promise<Finished> =>
    nowhere.run([
      '--json',
      'keys',
      'verify-attestation',
      file(evidence),
      '--ca',
      maker.root,
      '--intermediate',
      maker.issuer,
      ...more,
    ]);

  test('proves it to who has the maker’s CA, over one exchange, and again without', async () => {
    await home.ok(['keys', 'attest', '--nonce', nonce, '--out', file('evidence')]);
    const unjoined = await judge('evidence', '--nonce', nonce);
    expect(unjoined.code).toBe(6);
    expect(unjoined.stderr).toMatch(/AK and EK are in one TPM\nhint: .*--challenge/);

    const jwks = await home.run(['keys', 'jwks']);
    writeFileSync(file('jwks'), jwks.stdout);
    const secret = ['--challenge-secret', file('secret')];
    const asked = await judge(
      'evidence',
      '--nonce',
      nonce,
      '--challenge',
      file('challenge'),
      ...secret,
    );
    expect(asked.code, asked.stderr).toBe(0);
    await home.ok(['keys', 'attest', '--challenge', file('challenge'), '--out', file('answer')]);
    const exchange = ['--answer', file('answer'), ...secret, '--key', file('jwks')];
    const done = await judge('evidence', '--nonce', nonce, ...exchange);
    expect(done.code, done.stderr).toBe(0);
    const verdict = done.json<Verdict>();
    const { jwk, proof } = await home.ok<{
      jwk: { kid: string };
      proof: { copies: string; backend: string };
    }>(['keys', 'show']);
    expect(verdict).toMatchObject({ level: 'tpm', kid: jwk.kid });
    expect(proof).toMatchObject({ copies: 'provable', backend: 'tpm2' });

    // Another nonce, another time: the AK is known now.
    const fresh = randomBytes(16).toString('hex');
    await home.ok(['keys', 'attest', '--nonce', fresh, '--out', file('later')]);
    const known = ['--known-ak', verdict.tpm.ak];
    expect((await judge('later', '--nonce', fresh, ...known)).code).toBe(0);
    // What was answered for one is no answer for the other.
    expect((await judge('later', '--nonce', fresh, ...exchange)).code).toBe(6);
    expect((await judge('evidence', '--nonce', fresh, ...known)).code).toBe(6);

    const receipts = await home.ok<{ type: string }[]>(['receipts', 'list', '--type', 'key']);
    expect(receipts.filter(({ type }) => type === 'key').length).toBeGreaterThanOrEqual(3);
  }, 60_000);

  test('binds it to the last checkpoint where nobody gave a nonce', async () => {
    const { note } = await home.ok<{ note: string }>(['receipts', 'checkpoint']);
    await home.ok(['keys', 'attest', '--out', file('bound')]);
    const evidence = JSON.parse(readFileSync(file('bound'), 'utf8')) as { note: string };
    expect(evidence.note.split('\n\n')[0]).toBe(note.split('\n\n')[0]);
    writeFileSync(file('checkpoint'), note);
    const accept = '--without-activation';
    const done = await judge('bound', '--checkpoint', file('checkpoint'), accept);
    expect(done.code, done.stderr).toBe(0);
    // The receipt of the evidence is a new leaf: the next head is another.
    const { note: later } = await home.ok<{ note: string }>(['receipts', 'checkpoint']);
    writeFileSync(file('later-checkpoint'), later);
    expect((await judge('bound', '--checkpoint', file('later-checkpoint'), accept)).code).toBe(6);
    expect((await judge('bound', '--nonce', nonce, accept)).code).toBe(6);
  });

  test('proves of the log key, which is a file, only that it is there', async () => {
    await home.ok(['keys', 'attest', 'log', '--nonce', nonce, '--out', file('log')]);
    expect((await judge('log', '--nonce', nonce)).code).toBe(6);
    const done = await judge('log', '--nonce', nonce, '--possession-only');
    expect(done.json<Verdict>()).toMatchObject({ level: 'possession' });
    const { proof } = await home.ok<{ proof: { copies: string } }>(['keys', 'show', 'log']);
    expect(proof.copies).toBe('exportable');
  });

  test('refuses what is no challenge, no nonce and no key', async () => {
    writeFileSync(file('no-challenge'), '{}');
    const mistakes: [string[], number][] = [
      [['--challenge', file('no-challenge')], 2],
      [['--challenge', file('missing')], 2],
      [['--nonce', '00'], 2],
      [['nobody', '--nonce', nonce], 2],
      [['log', '--challenge', file('challenge')], 2],
      [['--challenge', file('challenge'), '--nonce', nonce], 2],
    ];
    for (const [args, code] of mistakes) {
      const done = await home.run(['keys', 'attest', ...args]);
      expect(done.code, args.join(' ')).toBe(code);
      expect(done.stderr).toMatch(/^error\[[a-z-]+\]: .+/);
    }
  });
});
