// What `keys verify-attestation` says of evidence, where there is neither daemon nor home nor TPM.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../../../src/front/cli/program.ts';
import {
  answerChallenge,
  formatAnswer,
  parseChallenge,
  parseSecret,
} from '../../../../src/trust/attest/challenge.ts';
import { formatEvidence } from '../../../../src/trust/attest/evidence.ts';
import { makeEvidence } from '../../../../src/trust/attest/make-evidence.ts';
import { checkedSigner } from '../../../../src/trust/signer/checked-signer.ts';
import { memoryKey } from '../../../../src/trust/signer/memory/memory-signer.ts';
import { nameOf, parseSizedPublic } from '../../../../src/trust/tpm/public-area.ts';
import { softwareTpm } from '../../../fakes/software-tpm.ts';
import { pem } from '../../../support/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'warder-attest-cli-'));
const at = (name: string): string => join(folder, name);
const origin = 'warder.invalid/log/0123456789abcdef';
const nonce = '00112233445566778899aabbccddeeff';
let stdout = '';
let stderr = '';
let kid = '';
let akName = '';

interface Verdict {
  readonly kid: string;
  readonly level: string;
  readonly proven: readonly string[];
  readonly notProven: readonly string[];
  readonly tpm: { readonly ak: string };
}

async function judge(...argv: string[]): Promise<{ code: number; json: Verdict }> {
  stdout = '';
  stderr = '';
  const code = await runProgram(['--json', 'keys', 'verify-attestation', ...argv]);
  return { code, json: JSON.parse(stdout) as Verdict };
}

beforeEach(() => {
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((stderr += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const tpm = softwareTpm();
  const request = { bound: { nonce }, origin, now: Date.now() };
  const signer = checkedSigner(tpm.backEnd, { roles: ['attest'] });
  const evidence = await makeEvidence(signer, request);
  ({ kid } = evidence.key);
  akName = Buffer.from(
    nameOf(parseSizedPublic(evidence.tpm?.ak ?? new Uint8Array(0), 'AK')),
  ).toString('hex');
  writeFileSync(at('evidence.json'), JSON.stringify(formatEvidence(evidence)));
  writeFileSync(at('key.jwk'), JSON.stringify(signer.key));
  writeFileSync(at('ca.pem'), pem(tpm.ca));
  const plain = checkedSigner(memoryKey('EdDSA'), { roles: ['attest'] });
  const file = formatEvidence(await makeEvidence(plain, request));
  writeFileSync(at('file.json'), JSON.stringify(file));
});

const full = () => [at('evidence.json'), '--ca', at('ca.pem'), '--nonce', nonce];

describe('without an answer to a challenge', () => {
  test('evidence of a TPM is refused, unless that is accepted, and then it says so', async () => {
    expect((await judge(...full())).code).toBe(6);
    expect(stderr).toMatch(
      /^error\[not-trusted\]: nothing proves yet that AK and EK are in one TPM/,
    );
    expect(stderr).toMatch(/hint: .*--challenge/);
    const { code, json } = await judge(...full(), '--without-activation');
    expect(code).toBe(0);
    expect(json).toMatchObject({ kid, level: 'tpm-unjoined' });
    expect(json.notProven[0]).toMatch(/AK was not activated/);
  });

  test('evidence without a TPM is refused, unless possession is all that is wanted', async () => {
    const args = [at('file.json'), '--nonce', nonce];
    expect((await judge(...args)).code).toBe(6);
    expect(stderr).toMatch(/nothing in the evidence proves where the key is/);
    const { code, json } = await judge(...args, '--possession-only');
    expect(code).toBe(0);
    expect(json).toMatchObject({ level: 'possession' });
    expect(json.notProven).toContain('where the key is, and that it cannot be copied');
  });
});

describe('with an answer', () => {
  const challenge = (name: string) => [
    ...full(),
    '--challenge',
    at(`${name}.challenge`),
    '--challenge-secret',
    at(`${name}.secret`),
  ];
  const answered = (name: string, secretOf: string) => [
    ...full(),
    '--answer',
    at(`${name}.answer`),
    '--challenge-secret',
    at(`${secretOf}.secret`),
  ];
  /** As a TPM would, were it able to: the unit under test is who judges the answer. */
  const answer = (name: string, secret: Uint8Array): void => {
    const asked = parseChallenge(readFileSync(at(`${name}.challenge`)));
    writeFileSync(
      at(`${name}.answer`),
      JSON.stringify(formatAnswer(answerChallenge(asked, secret))),
    );
  };

  test('of who opened the challenge it is accepted; of who did not, or of another one, refused', async () => {
    for (const name of ['one', 'two']) {
      expect((await judge(...challenge(name))).code).toBe(0);
      expect(statSync(at(`${name}.secret`)).mode & 0o777).toBe(0o600);
    }
    const { secret } = parseSecret(readFileSync(at('one.secret')));
    answer('one', secret);
    const { code, json } = await judge(...answered('one', 'one'));
    expect(code).toBe(0);
    expect(json).toMatchObject({ kid, level: 'tpm', tpm: { ak: akName } });
    // An answer to an earlier challenge is none to this one.
    expect((await judge(...answered('one', 'two'))).code).toBe(6);
    answer('two', new Uint8Array(32));
    expect((await judge(...answered('two', 'two'))).code).toBe(6);
    expect(stderr).toMatch(/did not open the challenge/);
  });

  test('an AK that was activated before needs no other answer', async () => {
    expect((await judge(...full(), '--known-ak', akName)).json).toMatchObject({ level: 'tpm' });
    expect((await judge(...full(), '--known-ak', `000b${'0'.repeat(64)}`)).code).toBe(6);
  });

  test('a secret is never written over', async () => {
    await judge(...challenge('kept'));
    expect((await judge(...challenge('kept'))).code).toBe(2);
    expect(stderr).toMatch(/exists already/);
  });
});

test('the key it has to be about, the registers, and another nonce', async () => {
  const accept = [...full(), '--without-activation'];
  expect((await judge(...accept, '--key', at('key.jwk'))).code).toBe(0);
  writeFileSync(at('other.jwk'), JSON.stringify(memoryKey('ES256').key));
  expect((await judge(...accept, '--key', at('other.jwk'))).code).toBe(6);
  expect((await judge(...accept, '--pcr', `7=${'0'.repeat(64)}`)).code).toBe(0);
  expect((await judge(...accept, '--pcr', `7=${'1'.repeat(64)}`)).code).toBe(6);
  const [evidence = '', , ca = ''] = full();
  const other = [evidence, '--ca', ca, '--nonce', 'ff'.repeat(16), '--without-activation'];
  expect((await judge(...other)).code).toBe(6);
  expect(stderr).toMatch(/bound to something else/);
});

test.each([
  ['neither nonce nor checkpoint', () => [at('evidence.json'), '--ca', at('ca.pem')]],
  ['both', () => [...full(), '--checkpoint', at('ca.pem')]],
  ['a short nonce', () => [at('evidence.json'), '--ca', at('ca.pem'), '--nonce', '00']],
  ['no CA', () => [at('evidence.json'), '--nonce', nonce]],
  ['a challenge without its secret', () => [...full(), '--challenge', at('x')]],
  ['a secret without a challenge', () => [...full(), '--challenge-secret', at('x')]],
  ['challenge and answer', () => [...full(), '--challenge', at('x'), '--answer', at('x')]],
  [
    'a challenge to no TPM',
    () => [
      at('file.json'),
      '--nonce',
      nonce,
      '--challenge',
      at('x'),
      '--challenge-secret',
      at('y'),
    ],
  ],
  ['a register that is none', () => [...full(), '--pcr', '99=00']],
  ['a CA that is none', () => [at('evidence.json'), '--ca', at('key.jwk'), '--nonce', nonce]],
  ['a missing file', () => [at('nothing.json'), '--nonce', nonce]],
])('%s is a usage error with a hint', async (_, argv) => {
  expect((await judge(...argv())).code).toBe(2);
  expect(stderr).toMatch(/^error\[(usage|malformed)\]: .+/);
});

test('what is no evidence proves nothing', async () => {
  for (const text of [
    '',
    '{}',
    '[]',
    'x',
    readFileSync(at('evidence.json'), 'utf8').slice(0, 999),
  ]) {
    writeFileSync(at('cut.json'), text);
    expect((await judge(at('cut.json'), '--ca', at('ca.pem'), '--nonce', nonce)).code).toBe(6);
    expect(stderr).toMatch(/^error\[verification-failed\]: .+\nhint: .+/);
  }
});
