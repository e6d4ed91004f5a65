// What a key in a TPM proves of itself, with the back end itself: by handle, by blob, under a register policy.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkAnswer, makeChallenge } from '../../../src/trust/attest/challenge.ts';
import { answerWith, makeEvidence } from '../../../src/trust/attest/make-evidence.ts';
import { possessionAdmitter } from '../../../src/trust/attest/possession.ts';
import { verdict, verifyEvidence } from '../../../src/trust/attest/verify-evidence.ts';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { payloads } from '../../contracts/signer.ts';
import { origin, trusting } from '../../support/attested-key.ts';
import { createTpmMaker, type EndorsedTpm, type TpmMaker } from '../../support/endorsed-tpm.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm } from '../../support/swtpm.ts';

describeHardware('a key of the TPM back end', () => {
  const maker: TpmMaker = createTpmMaker();
  const home = mkdtempSync(join(tmpdir(), 'warder-tpm-attest-'));
  let tpm: EndorsedTpm;
  beforeAll(async () => {
    tpm = await maker.make();
  }, 30_000);
  afterAll(async () => {
    await maker.remove();
    rmSync(home, { recursive: true });
  });

  test.each(['handle=0x81020001?auth-source=a', 'blob=b', 'blob=c?pcrs=7&auth-source=a'])(
    '%s proves where it is, and signs before and after',
    async (key) => {
      const uri = `tpm2:${key}${key.includes('?') ? '&' : '?'}socket=127.0.0.1:${tpm.port}`;
      await createKey(uri, { home });
      const signer = await openSigner(uri, {
        home,
        roles: ['lease', 'attest'],
        admitters: [possessionAdmitter(origin)],
      });
      const lease = { kind: 'lease', payload: payloads.lease as Uint8Array } as const;
      await signer.sign(lease);
      const nonce = randomBytes(32).toString('hex');
      const made = makeEvidence(signer, { bound: { nonce }, origin, now: Date.now() });
      const [evidence] = await Promise.all([made, signer.sign(lease), signer.sign(lease)]);
      const verified = await verifyEvidence(evidence, trusting(maker, nonce));
      const joined = verified.tpm;
      if (joined === undefined) throw new Error('evidence without a TPM');
      const { challenge, secret } = makeChallenge(evidence, joined, randomBytes(32));
      checkAnswer(evidence, joined, secret, await answerWith(signer, challenge));
      expect(verdict(verified, 'activated')).toMatchObject({ level: 'tpm', kid: signer.key.kid });
      const blob = Uint8Array.from(challenge.credential.blob);
      blob[blob.length - 1] = (blob.at(-1) ?? 0) ^ 1;
      await expect(
        signer.attestor?.activate({ ...challenge.credential, blob }),
      ).rejects.toMatchObject({ code: 'not-trusted' });
      await signer.sign(lease);
      await signer.close();
    },
    30_000,
  );

  test('one that nobody vouches for says so, and signs on', async () => {
    const bare = await startSwtpm();
    try {
      const uri = bare.uri('blob=k');
      await createKey(uri, { home: bare.directory });
      const signer = await openSigner(uri, {
        home: bare.directory,
        roles: ['lease', 'attest'],
        admitters: [possessionAdmitter(origin)],
      });
      const bound = { nonce: randomBytes(32).toString('hex') };
      await expect(makeEvidence(signer, { bound, origin, now: Date.now() })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('no EK certificate') as string,
        hint: expect.stringContaining('docs/keys/attestation.md') as string,
      });
      await signer.sign({ kind: 'lease', payload: payloads.lease as Uint8Array });
      await signer.close();
    } finally {
      await bare.remove();
    }
  });
});
