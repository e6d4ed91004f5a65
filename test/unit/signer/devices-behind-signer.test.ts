// Keys in devices behind a signer process: whoever asks over its socket sees a signer like every other.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Door } from '../../../src/front/signing/door.ts';
import { openSocketDoor } from '../../../src/front/signing/socket-door.ts';
import type { SignerRules } from '../../../src/trust/signer/checked-signer.ts';
import {
  createKey,
  type KeyAccess,
  type OpenedSigner,
  openSigner,
} from '../../../src/trust/signer/open-signer.ts';
import { signerContract } from '../../contracts/signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { deskWith, everyKind } from '../../support/signer-process.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

describeHardware('behind a signer process', () => {
  let hsm: SoftHsm;
  let tpm: Swtpm;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ws-'));
    hsm = createSoftHsm();
    tpm = await startSwtpm();
  });
  afterAll(async () => {
    hsm.remove();
    await tpm.remove();
    rmSync(directory, { recursive: true });
  });

  const inToken = (alg: 'ES256' | 'ES384' | 'EdDSA'): readonly [string, KeyAccess] => [
    hsm.uri(alg, alg),
    hsm.access,
  ];
  const inTpm = (where: string, more: string): readonly [string, KeyAccess] => [
    tpm.uri(where, more),
    { home: tpm.directory },
  ];
  const born = { local: true, alwaysSensitive: true, neverExtractable: true };
  const fixed = { fixedTPM: true, fixedParent: true, sensitiveDataOrigin: true };
  for (const [name, alg, claims, place] of [
    ['SoftHSM', 'ES256', { behind: 'pkcs11', ...born }, () => inToken('ES256')],
    ['SoftHSM', 'ES384', { behind: 'pkcs11', ...born }, () => inToken('ES384')],
    ['SoftHSM', 'EdDSA', { behind: 'pkcs11', ...born }, () => inToken('EdDSA')],
    [
      'TPM handle',
      'ES256',
      { behind: 'tpm2', ...fixed },
      () => inTpm('handle=0x81010001', 'auth-source=a'),
    ],
    [
      'TPM blob',
      'ES384',
      { behind: 'tpm2', ...fixed },
      () => inTpm('blob=one.tpm', 'pcrs=7&auth-source=b&alg=ES384'),
    ],
  ] as const) {
    describe(`${name} ${alg}`, () => {
      let key: OpenedSigner;
      let door: Door;
      beforeAll(async () => {
        const [uri, access] = place();
        await createKey(uri, access);
        key = await openSigner(uri, { ...access, ...everyKind });
        door = await openSocketDoor(join(directory, `${name} ${alg}`), deskWith(key));
      });
      afterAll(async () => {
        await door.close();
        await key.close();
      });
      const open = (rules: SignerRules): Promise<OpenedSigner> => {
        const uri = `unix:${encodeURIComponent(door.address.slice('unix:'.length))}`;
        return openSigner(uri, { home: '/', kid: key.key.kid, ...rules });
      };
      signerContract(`${name} behind unix`, alg, open);

      it('says what the device says of the key', async () => {
        const signer = await open({ roles: [] });
        expect(signer.custody).toMatchObject({
          backend: 'remote',
          summary: expect.stringContaining(key.custody.summary) as string,
          claims: { ...key.custody.claims, ...claims },
        });
        await signer.close();
      });
    });
  }
});
