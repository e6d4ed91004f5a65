// Keys in a TPM: what every signer must do, by handle, by blob, with a register policy.

import { afterAll, beforeAll, describe } from 'vitest';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { signerContract } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

describeHardware('swtpm', () => {
  let tpm: Swtpm;
  beforeAll(async () => {
    tpm = await startSwtpm();
  });
  afterAll(() => tpm.remove());

  for (const [name, alg, where, more] of [
    ['handle', 'ES256', 'handle=0x81010001', 'auth-source=a&alg=ES256'],
    ['blob', 'ES256', 'blob=one.tpm', 'alg=ES256'],
    ['blob', 'ES384', 'blob=two.tpm', 'alg=ES384'],
    ['registers', 'ES256', 'blob=three.tpm', 'pcrs=7,11&alg=ES256'],
    ['registers and auth value', 'ES384', 'handle=0x81010002', 'pcrs=7&auth-source=b&alg=ES384'],
  ] as const) {
    describe(`${name} ${alg}`, () => {
      beforeAll(async () => {
        await createKey(tpm.uri(where, more), { home: tpm.directory });
      });
      signerContract(`tpm2 ${name}`, alg, (rules) =>
        openSigner(tpm.uri(where, more), { ...rules, home: tpm.directory }),
      );
    });
  }
});
