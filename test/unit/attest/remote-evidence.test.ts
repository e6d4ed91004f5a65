// A key in a TPM of a signer process: the daemon asks for the proofs, and has no part in them.

import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { checkAnswer, makeChallenge } from '../../../src/trust/attest/challenge.ts';
import { answerWith, makeEvidence } from '../../../src/trust/attest/make-evidence.ts';
import { verifyEvidence } from '../../../src/trust/attest/verify-evidence.ts';
import { openSigner } from '../../../src/trust/signer/open-signer.ts';
import { readRemoteKeys } from '../../../src/trust/signer/remote/remote-key.ts';
import { signingKeyRoles } from '../../../src/trust/signer/roles.ts';
import { trusting } from '../../support/attested-key.ts';
import { createTpmMaker, type TpmMaker } from '../../support/endorsed-tpm.ts';
import { describeHardware } from '../../support/hardware.ts';
import { callerOf, makeSigner, runSigner, scratchDirectory } from '../../support/signer-process.ts';

describeHardware('a key in a TPM of a signer process', () => {
  const maker: TpmMaker = createTpmMaker();
  afterAll(() => maker.remove());

  test('is proven over its socket; a file key of it is not', async () => {
    const { port } = await maker.make();
    const auth = `${scratchDirectory()}/auth`;
    const key = `tpm2:handle=0x81010100?socket=127.0.0.1:${port}&auth-source=${auth}`;
    const { root, socket } = await makeSigner({ key });
    await runSigner(root);
    const channel = callerOf(socket);
    const { origin, keys } = await readRemoteKeys(channel);
    const signer = await openSigner(`unix:${socket}`, {
      home: root,
      roles: signingKeyRoles,
    });
    const nonce = randomBytes(32).toString('hex');
    const request = { bound: { nonce }, origin, now: Date.now() };
    const evidence = await makeEvidence(signer, request);
    const { tpm } = await verifyEvidence(evidence, trusting(maker, nonce));
    if (tpm === undefined) throw new Error('evidence without a TPM');
    const { challenge, secret } = makeChallenge(evidence, tpm, randomBytes(32));
    checkAnswer(evidence, tpm, secret, await answerWith(signer, challenge));
    await signer.close();

    const log = keys.find(({ use }) => use === 'log');
    expect(log).toMatchObject({ attests: false });
    const kid = log?.jwk.kid ?? '';
    await expect(channel.ask({ ask: 'attest', kid, nonce })).rejects.toMatchObject({
      code: 'usage',
    });
    const tpmKid = evidence.key.kid;
    for (const wrong of ['00', 'zz'.repeat(16), 'ab'.repeat(65)]) {
      const asked = channel.ask({ ask: 'attest', kid: tpmKid, nonce: wrong });
      await expect(asked).rejects.toMatchObject({ code: 'usage' });
    }
    const blob = 'A'.repeat(8000);
    await expect(
      channel.ask({ ask: 'activate', kid: tpmKid, blob, encryptedSecret: blob }),
    ).rejects.toMatchObject({ code: 'malformed' });
  }, 30_000);
});
