// Evidence out of a TPM: judged by our verifier, and its parts by programs that are not ours.

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  answerChallenge,
  checkAnswer,
  formatChallenge,
  makeChallenge,
  parseChallenge,
} from '../../../src/trust/attest/challenge.ts';
import {
  type Evidence,
  formatEvidence,
  parseEvidence,
} from '../../../src/trust/attest/evidence.ts';
import { answerWith, makeEvidence } from '../../../src/trust/attest/make-evidence.ts';
import { verdict, verifyEvidence } from '../../../src/trust/attest/verify-evidence.ts';
import { parseTpmSignature, rawSignature } from '../../../src/trust/tpm/attest-structures.ts';
import type { OpenedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { createKey, openSigner } from '../../../src/trust/signer/open-signer.ts';
import type { TpmEvidence } from '../../../src/trust/tpm/attestor.ts';
import {
  type Credential,
  keyObject,
  makeCredential,
} from '../../../src/trust/tpm/make-credential.ts';
import { nameOf, parseSizedPublic } from '../../../src/trust/tpm/public-area.ts';
import { formatDerSignature } from '../../../src/trust/verify/der-signature.ts';
import { certificate, caPair, pem } from '../../support/certificates.ts';
import { origin, trusting, withKey } from '../../support/attested-key.ts';
import {
  createTpmMaker,
  type EndorsedTpm,
  toolFile,
  type TpmMaker,
} from '../../support/endorsed-tpm.ts';
import { describeHardware } from '../../support/hardware.ts';

/** What tpm2-tools put before a credential. */
const CREDENTIAL_HEADER = Buffer.from('badcc0de00000001', 'hex');
const EK_CERTIFICATE = '0x01c00002';
const ECC_CERTIFICATE = '0x01c0000a';

describeHardware('evidence of a key in a TPM', () => {
  const nonce = randomBytes(32).toString('hex');
  const maker: TpmMaker = createTpmMaker();
  let tpm: EndorsedTpm;

  beforeAll(async () => {
    tpm = await maker.make();
  }, 30_000);
  afterAll(() => maker.remove());

  const evidenceBy = async (signer: OpenedSigner): Promise<Evidence> => {
    const made = await makeEvidence(signer, { bound: { nonce }, origin, now: Date.now() });
    return parseEvidence(JSON.stringify(formatEvidence(made)));
  };
  const evidenceOf = (): Promise<Evidence> => withKey(tpm, evidenceBy);
  const open = (credential: Credential): Promise<Uint8Array | undefined> =>
    withKey(tpm, async ({ attestor }) => attestor?.activate(credential));
  const tpmPart = ({ tpm: part }: Evidence): TpmEvidence => {
    if (part === undefined) throw new Error('evidence without a TPM');
    return part;
  };
  const write = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(tpm.directory, name), bytes);
    return name;
  };
  const akPem = (part: TpmEvidence): string =>
    write(
      'ak.pem',
      keyObject(parseSizedPublic(part.ak, 'the AK').key).export({ format: 'pem', type: 'spki' }),
    );

  test('is believed by who trusts the maker, once the challenge is answered', async () => {
    await withKey(tpm, async (signer) => {
      const evidence = await evidenceBy(signer);
      const verified = await verifyEvidence(evidence, trusting(maker, nonce));
      const joined = verified.tpm;
      if (joined === undefined) throw new Error('evidence without a TPM');
      expect(joined.description).toMatchObject({ model: 'swtpm' });
      expect(joined.issuers).toHaveLength(2);
      const { challenge, secret } = makeChallenge(evidence, joined, randomBytes(32));
      const sent = parseChallenge(JSON.stringify(formatChallenge(challenge)));
      checkAnswer(evidence, joined, secret, await answerWith(signer, sent));
      expect(() => {
        checkAnswer(evidence, joined, secret, answerChallenge(sent, randomBytes(32)));
      }).toThrow(/did not open/);
      expect(verdict(verified, 'activated')).toMatchObject({ level: 'tpm', kid: signer.key.kid });
    });
  });

  test('of an EK on P-256 is believed the same way, and that EK comes first', async () => {
    tpm.tool('tpm2_createek', '-G', 'ecc', '-c', 'ek256.ctx', '-u', 'ek256.pub');
    const ek = parseSizedPublic(toolFile(tpm, 'ek256.pub'), 'the EK');
    const ca = caPair();
    const der = certificate({
      subject: 'a TPM',
      issuer: 'maker',
      key: keyObject(ek.key),
      signer: ca.privateKey,
      ca: false,
      keyUsage: [4],
      purposes: ['2.23.133.8.1'],
    });
    write('ek256.der', der);
    const room = ['-C', 'o', '-s', String(der.length + 64), '-a', 'ownerread|authread|ownerwrite'];
    tpm.tool('tpm2_nvdefine', ECC_CERTIFICATE, ...room);
    tpm.tool('tpm2_nvwrite', ECC_CERTIFICATE, '-C', 'o', '-i', 'ek256.der');
    try {
      const evidence = await evidenceOf();
      const root = certificate({
        subject: 'maker',
        issuer: 'maker',
        key: ca.publicKey,
        signer: ca.privateKey,
        ca: true,
      });
      const { readCertificates } = await import('../../../src/trust/attest/certificate.ts');
      const anchors = readCertificates(Buffer.from(pem(root)), 'the CA');
      const expected = { ...trusting(maker, nonce), anchors };
      const { tpm: verified } = await verifyEvidence(evidence, expected);
      expect(verified?.ek.key).toMatchObject({ kind: 'ecc', curve: 'P-256' });
      const secret = randomBytes(32);
      const opened = await open(
        makeCredential(ek, nameOf(parseSizedPublic(tpmPart(evidence).ak, 'the AK')), secret),
      );
      expect(Buffer.from(opened ?? [])).toEqual(secret);
    } finally {
      tpm.tool('tpm2_nvundefine', ECC_CERTIFICATE, '-C', 'o');
    }
  });

  test('is refused without the issuer between, by the wrong CA, and after the certificate', async () => {
    const evidence = await evidenceOf();
    const expected = trusting(maker, nonce);
    const wrong = createTpmMaker();
    try {
      // Another CA of the same name.
      await wrong.make();
      const cases = [
        { ...expected, intermediates: [] },
        { ...expected, anchors: [] },
        { ...trusting(wrong, nonce), intermediates: expected.intermediates },
        { ...expected, now: Date.parse('2020-01-01') },
      ];
      for (const each of cases) {
        await expect(verifyEvidence(evidence, each)).rejects.toMatchObject({ code: 'not-trusted' });
      }
    } finally {
      await wrong.remove();
    }
  }, 30_000);

  test('tells a register that has changed', async () => {
    const before = await evidenceOf();
    const known = new Map([...tpmPart(before).quote.pcrs].filter(([pcr]) => pcr === 7));
    const expected = { ...trusting(maker, nonce), pcrs: known };
    await verifyEvidence(before, expected);
    tpm.tool('tpm2_pcrextend', `7:sha256=${'5a'.repeat(32)}`);
    await expect(verifyEvidence(await evidenceOf(), expected)).rejects.toMatchObject({
      code: 'not-trusted',
      message: expect.stringMatching(/^register 7 holds/) as string,
    });
  });

  test.each([
    ['by blob', 'blob=keys/blob', ''],
    ['by handle, with an auth value', 'handle=0x81010100', '&auth-source=keys/auth'],
    ['bound to registers', 'blob=keys/bound', '&pcrs=23,7'],
    ['bound to registers and an auth value', 'blob=keys/both', '&pcrs=7&auth-source=keys/auth'],
  ])('of keys as homes have them, %s', async (_, place, more) => {
    const access = { home: tpm.directory, modules: [] };
    mkdirSync(join(tpm.directory, 'keys'), { recursive: true, mode: 0o700 });
    const uri = `tpm2:${place}?socket=127.0.0.1:${tpm.port}${more}`;
    const { kid } = await createKey(uri, access);
    const signer = await openSigner(uri, { ...access, kid, roles: ['attest'] });
    try {
      const evidence = await evidenceBy(signer);
      const verified = await verifyEvidence(evidence, trusting(maker, nonce));
      const policyPcrs =
        { '&pcrs=23,7': [7, 23], '&pcrs=7&auth-source=keys/auth': [7] }[more] ?? [];
      expect(verified.tpm).toMatchObject({ policyPcrs });
      if (verified.tpm === undefined) throw new Error('evidence without a TPM');
      const { challenge, secret } = makeChallenge(evidence, verified.tpm, randomBytes(32));
      checkAnswer(evidence, verified.tpm, secret, await answerWith(signer, challenge));
      // One for another TPM is refused, and harms nothing.
      const stranger = makeCredential(verified.tpm.ek, randomBytes(34), randomBytes(32));
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const n = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
      const key = { kind: 'rsa', modulus: n, exponent: 65_537 } as const;
      const elsewhere = makeCredential(
        { ...verified.tpm.ek, key },
        randomBytes(34),
        randomBytes(32),
      );
      for (const credential of [stranger, elsewhere]) {
        await expect(answerWith(signer, { ...challenge, credential })).rejects.toMatchObject({
          code: 'not-trusted',
        });
      }
      await evidenceBy(signer);
    } finally {
      await signer.close();
    }
  });

  test('holds for tpm2_checkquote and for openssl', async () => {
    const evidence = tpmPart(await evidenceOf());
    const ak = akPem(evidence);
    write('quote', evidence.quote.statement);
    write('quote.sig', evidence.quote.signature);
    const quoted = ['-u', ak, '-m', 'quote', '-s', 'quote.sig', '-g', 'sha256', '-q'];
    tpm.tool('tpm2_checkquote', ...quoted, nonce);
    expect(tpm.try('tpm2_checkquote', ...quoted, 'ff'.repeat(32)).code).not.toBe(0);

    write('certify', evidence.certify.statement);
    const raw = rawSignature(parseTpmSignature(evidence.certify.signature, 'it'), 32);
    write('certify.der', formatDerSignature(raw ?? new Uint8Array(64)));
    const words = ['dgst', '-sha256', '-verify', ak, '-signature', 'certify.der'];
    const options = { cwd: tpm.directory, encoding: 'utf8', stdio: 'pipe' } as const;
    expect(execFileSync('openssl', [...words, 'certify'], options)).toMatch(/^Verified OK/);
    expect(() => execFileSync('openssl', [...words, 'quote'], options)).toThrow(/Command failed/);

    // What we read of the certificate chain is what openssl reads.
    write('ek.der', evidence.ek.certificate);
    const chain = ['verify', '-CAfile', maker.root, '-untrusted', maker.issuer];
    expect(execFileSync('openssl', [...chain, '-ignore_critical', 'ek.der'], options)).toMatch(
      /ek\.der: OK/,
    );
    tpm.tool('tpm2_nvread', EK_CERTIFICATE, '-o', 'nv.der');
    expect(toolFile(tpm, 'nv.der')).toEqual(evidence.ek.certificate);
  });

  test('credentials go both ways between us and tpm2-tools', async () => {
    const evidence = tpmPart(await evidenceOf());
    const ek = parseSizedPublic(evidence.ek.public, 'the EK');
    const name = nameOf(parseSizedPublic(evidence.ak, 'the AK'));
    const secret = randomBytes(32);
    write('secret', secret);
    write('ek.pub', evidence.ek.public);

    // Theirs, opened by us.
    const hex = Buffer.from(name).toString('hex');
    tpm.tool('tpm2_makecredential', '-u', 'ek.pub', '-s', 'secret', '-n', hex, '-o', 'theirs');
    const theirs = Buffer.from(toolFile(tpm, 'theirs')).subarray(CREDENTIAL_HEADER.length);
    const blobSize = 2 + theirs.readUInt16BE(0);
    const opened = await open({
      blob: theirs.subarray(0, blobSize),
      encryptedSecret: theirs.subarray(blobSize),
    });
    expect(Buffer.from(opened ?? [])).toEqual(secret);

    // Ours, opened by them.
    const ours = makeCredential(ek, name, secret);
    write('ours', Buffer.concat([CREDENTIAL_HEADER, ours.blob, ours.encryptedSecret]));
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda';
    const ak = ['-C', 'e', '-G', 'ecc256:ecdsa-sha256:null', '-a', attributes, '-c', 'ak.ctx'];
    tpm.tool('tpm2_createprimary', '-Q', ...ak);
    tpm.tool('tpm2_createek', '-Q', '-G', 'rsa', '-c', 'ek.ctx');
    const session = ['-S', 'session.ctx'];
    tpm.try('tpm2_startauthsession', '--policy-session', ...session);
    execFileSync('tpm2_policysecret', ['-Q', ...session, '-c', 'e'], toolOptions(tpm));
    const files = ['-c', 'ak.ctx', '-C', 'ek.ctx', '-i', 'ours', '-o', 'opened'];
    execFileSync(
      'tpm2_activatecredential',
      ['-Q', ...files, '-P', 'session:session.ctx'],
      toolOptions(tpm),
    );
    expect(Buffer.from(toolFile(tpm, 'opened'))).toEqual(secret);
  });
});

/** For tools that need what the one before left in the TPM. */
function toolOptions({ directory, port }: EndorsedTpm) {
  const TPM2TOOLS_TCTI = `swtpm:host=127.0.0.1,port=${port}`;
  return {
    cwd: directory,
    env: { PATH: process.env['PATH'], TPM2TOOLS_TCTI },
    stdio: 'pipe',
  } as const;
}
