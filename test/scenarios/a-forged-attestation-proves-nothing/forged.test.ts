// Evidence of a key that is not in the TPM it says: somebody has a TPM, or two, and keys of their own.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeChallenge } from '../../../src/trust/attest/challenge.ts';
import {
  type Evidence,
  formatEvidence,
  parseEvidence,
} from '../../../src/trust/attest/evidence.ts';
import { answerWith, makeEvidence } from '../../../src/trust/attest/make-evidence.ts';
import { statePossession, possessionAdmitter } from '../../../src/trust/attest/possession.ts';
import { readCertificates } from '../../../src/trust/attest/certificate.ts';
import { type Expectation, verifyEvidence } from '../../../src/trust/attest/verify-evidence.ts';
import type { VerifiedTpm } from '../../../src/trust/attest/verify-tpm.ts';
import { checkedSigner, type OpenedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { memoryKey } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { TpmEvidence } from '../../../src/trust/tpm/attestor.ts';
import { keyObject, makeCredential } from '../../../src/trust/tpm/make-credential.ts';
import type { WrappedObject } from '../../../src/trust/tpm/object-commands.ts';
import { nameOf, parsePublicArea, parseSizedPublic } from '../../../src/trust/tpm/public-area.ts';
import { TpmReader } from '../../../src/trust/tpm/tpm-reader.ts';
import { softwareTpm } from '../../fakes/software-tpm.ts';
import { origin, persistSrk, SRK, trusting, withKey } from '../../support/attested-key.ts';
import {
  createTpmMaker,
  type EndorsedTpm,
  toolFile,
  type TpmMaker,
} from '../../support/endorsed-tpm.ts';
import { describeHardware } from '../../support/hardware.ts';

describeHardware('somebody with a TPM', () => {
  const nonce = randomBytes(32).toString('hex');
  const maker: TpmMaker = createTpmMaker();
  let mine: EndorsedTpm;
  let another: EndorsedTpm;
  let expected: Expectation;

  beforeAll(async () => {
    mine = await maker.make();
    another = await maker.make();
    expected = trusting(maker, nonce);
    await persistSrk(mine);
  }, 60_000);
  afterAll(() => maker.remove());

  const read = (evidence: Evidence): Evidence =>
    parseEvidence(JSON.stringify(formatEvidence(evidence)));
  const evidenceBy = async (signer: OpenedSigner): Promise<Evidence> =>
    read(await makeEvidence(signer, { bound: { nonce }, origin, now: Date.now() }));
  const evidenceOn = (tpm: EndorsedTpm, given?: WrappedObject): Promise<Evidence> =>
    withKey(tpm, evidenceBy, given);
  const tpmOf = ({ tpm }: Evidence): TpmEvidence => {
    if (tpm === undefined) throw new Error('evidence without a TPM');
    return tpm;
  };
  const challengeFor = (evidence: Evidence, tpm: VerifiedTpm | undefined) => {
    if (tpm === undefined) throw new Error('evidence without a TPM');
    return makeChallenge(evidence, tpm, randomBytes(32)).challenge;
  };

  test('lends no EK to the AK of another: neither TPM opens the challenge', async () => {
    const evidence = await evidenceOn(mine);
    const lent = tpmOf(await evidenceOn(another));
    const joined = read({ ...evidence, tpm: { ...tpmOf(evidence), ek: lent.ek } });
    // Statements and certificates hold, each by itself: that is all the same TPM only the challenge tells.
    const { tpm } = await verifyEvidence(joined, expected);
    const challenge = challengeFor(joined, tpm);
    for (const tpmOfTwo of [mine, another]) {
      await withKey(tpmOfTwo, async (signer) => {
        const asked = answerWith(signer, { ...challenge, kid: signer.key.kid });
        await expect(asked).rejects.toThrow(/refuses TPM2_ActivateCredential/);
      });
    }
    // The honest one is opened.
    await withKey(mine, async (signer) => {
      const own = await evidenceBy(signer);
      const verified = await verifyEvidence(own, expected);
      await answerWith(signer, challengeFor(own, verified.tpm));
    });
  });

  test('has it open nothing for an AK that is only said to be in it', async () => {
    // Everything is of software but the EK and its certificate, which are the TPM's.
    const forger = softwareTpm();
    const signer = checkedSigner(forger.backEnd, {
      roles: ['attest'],
      admitters: [possessionAdmitter(origin)],
    });
    const made = await evidenceBy(signer);
    const { ek } = tpmOf(await evidenceOn(mine));
    const forged = read({ ...made, tpm: { ...tpmOf(made), ek } });
    const { tpm } = await verifyEvidence(forged, expected);
    const challenge = challengeFor(forged, tpm);
    await withKey(mine, async (holder) => {
      const asked = answerWith(holder, { ...challenge, kid: holder.key.kid });
      await expect(asked).rejects.toThrow(/INTEGRITY/);
    });

    // The public half can be loaded, with all the attributes of an honest AK and a policy one can fulfil.
    const { key } = parseSizedPublic(tpmOf(made).ak, 'the AK');
    const pem = keyObject(key).export({ format: 'pem', type: 'spki' });
    writeFileSync(join(mine.directory, 'forged.pem'), pem);
    const script = [
      'tpm2_startauthsession -S trial',
      'tpm2_policysecret -Q -S trial -c e',
      'tpm2_policycommandcode -Q -S trial TPM2_CC_ActivateCredential -L policy',
      'tpm2_flushcontext trial',
      "tpm2_loadexternal -Q -C n -G ecc256:ecdsa-sha256:null -u forged.pem -L policy -a 'fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|restricted|sign|noda' -c forged.ctx",
      'tpm2_readpublic -Q -c forged.ctx -f tpmt -o forged.public',
    ];
    mine.tool('sh', '-ec', script.join('\n'));
    const area = parsePublicArea(toolFile(mine, 'forged.public'), 'the forged AK');
    const credential = makeCredential(
      parseSizedPublic(ek.public, 'the EK'),
      nameOf(area),
      randomBytes(32),
    );
    const header = Buffer.from('badcc0de00000001', 'hex');
    writeFileSync(
      join(mine.directory, 'credential'),
      Buffer.concat([header, credential.blob, credential.encryptedSecret]),
    );
    const opening = [
      'tpm2_startauthsession --policy-session -S for-ek',
      'tpm2_policysecret -Q -S for-ek -c e',
      'tpm2_startauthsession --policy-session -S for-ak',
      'tpm2_policysecret -Q -S for-ak -c e',
      'tpm2_policycommandcode -Q -S for-ak TPM2_CC_ActivateCredential',
      'tpm2_activatecredential -c forged.ctx -C 0x81010001 -i credential -o secret -p session:for-ak -P session:for-ek',
    ];
    const tried = mine.try('sh', '-ec', opening.join('\n'));
    expect(tried.code).not.toBe(0);
    expect(tried.text).toMatch(/0x12F/i);
  });

  test.each([
    ['that may be copied to another TPM', 'sensitivedataorigin|userwithauth|sign|noda', /fixedTPM/],
    [
      'that decrypts, too',
      'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt|noda',
      /decrypt/,
    ],
  ])('has its honest AK certify a key %s: refused', async (_, attributes, why) => {
    const scheme = attributes.includes('decrypt') ? 'ecc256' : 'ecc256:ecdsa-sha256';
    const files = ['-u', 'weak.pub', '-r', 'weak.priv'];
    mine.tool('tpm2_create', '-Q', '-C', SRK, '-G', scheme, '-a', attributes, ...files);
    const evidence = await evidenceOn(mine, wrapped(mine, 'weak'));
    await expect(verifyEvidence(evidence, expected)).rejects.toMatchObject({
      code: 'not-trusted',
      message: expect.stringMatching(why) as string,
    });
  });

  test('has its honest AK certify a key that was made outside: refused', async () => {
    mine.tool('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'own.pem');
    const attributes = ['-a', 'userwithauth|sign|noda'];
    const files = ['-u', 'own.pub', '-r', 'own.priv'];
    mine.tool(
      'tpm2_import',
      '-Q',
      '-C',
      SRK,
      '-G',
      'ecc',
      '-i',
      'own.pem',
      ...attributes,
      ...files,
    );
    const evidence = await evidenceOn(mine, wrapped(mine, 'own'));
    await expect(verifyEvidence(evidence, expected)).rejects.toMatchObject({
      code: 'not-trusted',
      message: expect.stringMatching(/fixedTPM/) as string,
    });
  });

  test('puts a key of software next to the TPM’s statements about another: refused', async () => {
    const software = checkedSigner(memoryKey('ES256'), { roles: ['attest'] });
    const evidence = await evidenceOn(mine);
    const possession = await statePossession(software, origin, { nonce }, 1);
    const swapped = read({ ...evidence, key: software.key, possession });
    await expect(verifyEvidence(swapped, expected)).rejects.toMatchObject({
      code: 'verification-failed',
      message: expect.stringMatching(/key in the TPM is another/) as string,
    });
  });

  test('makes TPMs and a CA of software: that CA is not the one that is trusted', async () => {
    const forger = softwareTpm();
    const signer = checkedSigner(forger.backEnd, { roles: ['attest'] });
    const evidence = await evidenceBy(signer);
    await expect(verifyEvidence(evidence, expected)).rejects.toMatchObject({ code: 'not-trusted' });
    // To who does trust it, it is as good as any.
    const anchors = readCertificates(forger.ca, 'the CA');
    await verifyEvidence(evidence, { ...expected, anchors });
  });

  test('shows what was made for another nonce, whole or in part: refused', async () => {
    const evidence = await evidenceOn(mine);
    const fresh = { nonce: randomBytes(32).toString('hex') };
    const later = { ...expected, bound: fresh };
    const refused = { code: 'verification-failed' };
    await expect(verifyEvidence(evidence, later)).rejects.toMatchObject(refused);
    const request = { bound: fresh, origin, now: Date.now() };
    const now = await withKey(mine, (signer) => makeEvidence(signer, request));
    await expect(
      verifyEvidence(read({ ...now, tpm: tpmOf(evidence) }), later),
    ).rejects.toMatchObject(refused);
    const { certify, quote } = tpmOf(evidence);
    for (const part of [{ certify }, { quote }]) {
      const mixed = read({ ...now, tpm: { ...tpmOf(now), ...part } });
      await expect(verifyEvidence(mixed, later)).rejects.toMatchObject({
        ...refused,
        message: expect.stringMatching(/bound to something else/) as string,
      });
    }
  });
});

/** A key tpm2-tools made, to be loaded by us. */
function wrapped(tpm: EndorsedTpm, name: string): WrappedObject {
  const body = (file: string) => new TpmReader(toolFile(tpm, file), file).sized(1024);
  return { private: body(`${name}.priv`), area: parsePublicArea(body(`${name}.pub`), name) };
}
