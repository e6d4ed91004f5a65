// What is said of the custody of a key is never more than what it rests on.

import { expect, test } from 'vitest';
import { custodyWorth } from '../../../src/trust/attest/custody-worth.ts';
import type { Custody } from '../../../src/trust/signer/signer.ts';

const born = { local: true, alwaysSensitive: true, neverExtractable: true };
const custody = (backend: Custody['backend'], claims?: Custody['claims']): Custody => ({
  backend,
  summary: 'somewhere',
  ...(claims === undefined ? {} : { claims }),
});

test.each<[string, Custody, boolean, string]>([
  ['a file', custody('file'), false, 'exportable'],
  ['memory', custody('memory'), false, 'exportable'],
  ['a token that says so', custody('pkcs11', born), false, 'claimed'],
  ['a TPM', custody('tpm2'), true, 'provable'],
  ['a TPM of a signer elsewhere', custody('remote', { behind: 'tpm2' }), true, 'provable'],
  [
    'a TPM of a signer that proves nothing',
    custody('remote', { behind: 'tpm2' }),
    false,
    'claimed',
  ],
  ['a token of a signer', custody('remote', { ...born, behind: 'pkcs11' }), false, 'claimed'],
  [
    'a token of a signer with an imported key',
    custody('remote', { ...born, local: false, behind: 'pkcs11' }),
    false,
    'exportable',
  ],
  ['a file of a signer', custody('remote', { behind: 'file' }), false, 'exportable'],
  ['a signer that does not say', custody('remote'), false, 'exportable'],
  // Imported keys are not extractable either.
  ['a token of an imported key', custody('pkcs11', { ...born, local: false }), false, 'exportable'],
  ['a token that says nothing', custody('pkcs11'), false, 'exportable'],
  [
    'a token that once gave it out',
    custody('pkcs11', { ...born, neverExtractable: false }),
    false,
    'exportable',
  ],
])('%s', (_, where, attests, copies) => {
  const { copies: said, because } = custodyWorth(where, attests, 'personal');
  expect(said).toBe(copies);
  // Whoever may use the key can sign, wherever it is.
  if (copies !== 'exportable') expect(because.at(-1)).toMatch(/at `personal`/);
});

test('a token of software is said to be one', () => {
  const { because } = custodyWorth(
    custody('pkcs11', { ...born, token: 'software' }),
    false,
    'separated',
  );
  expect(because).toContain('the token is software: its files hold the key');
  expect(because.at(-1)).toMatch(/at `separated`, root/);
});
