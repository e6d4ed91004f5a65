// Keys in a SoftHSM token: what every signer must do, on each algorithm.

import { afterAll, beforeAll, describe } from 'vitest';
import { createKey, type OpenedSigner, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { signerContract } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';

describeHardware('SoftHSM', () => {
  let hsm: SoftHsm;
  beforeAll(() => {
    hsm = createSoftHsm();
  });
  afterAll(() => hsm.remove());

  for (const alg of ['ES256', 'ES384', 'EdDSA'] as const) {
    describe(alg, () => {
      // Keeps the process with the module: each test would start one.
      let keeper: OpenedSigner;
      beforeAll(async () => {
        await createKey(hsm.uri(alg, alg), hsm.access);
        keeper = await openSigner(hsm.uri(alg, alg), { roles: [], ...hsm.access });
      });
      afterAll(() => keeper.close());
      signerContract('pkcs11', alg, (rules) =>
        openSigner(hsm.uri(alg, alg), { ...rules, ...hsm.access }),
      );
    });
  }
});
