// What a verifier of evidence believes, and each way of cheating it that needs no TPM.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import { readCertificates } from '../../../src/trust/attest/certificate.ts';
import { formatEvidence, parseEvidence } from '../../../src/trust/attest/evidence.ts';
import { makeEvidence } from '../../../src/trust/attest/make-evidence.ts';
import { possessionAdmitter } from '../../../src/trust/attest/possession.ts';
import {
  type Expectation,
  verdict,
  verifyEvidence,
} from '../../../src/trust/attest/verify-evidence.ts';
import { checkedSigner, type OpenedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { memoryKey } from '../../../src/trust/signer/memory/memory-signer.ts';
import { pcrPolicyDigest } from '../../../src/trust/tpm/pcr-policy.ts';
import {
  AK,
  EK,
  KEY,
  softwareTpm,
  type SoftwareTpmOptions,
  ZERO_PCRS,
} from '../../fakes/software-tpm.ts';
import { caPair, certificate, pem } from '../../support/certificates.ts';
import { Random } from '../../fuzz/random.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const now = Date.parse('2026-11-21T12:00:00Z');
const nonce = '00112233445566778899aabbccddeeff';
const anyPcrs = new Map<number, Uint8Array>();

const open = (backEnd: Parameters<typeof checkedSigner>[0]): OpenedSigner =>
  checkedSigner(backEnd, { roles: ['attest'], admitters: [possessionAdmitter(origin)] });

/** Evidence as a file, and what its verifier brings along. */
async function made(options: SoftwareTpmOptions = {}): Promise<[JsonObject, Expectation]> {
  const tpm = softwareTpm(options);
  const evidence = await makeEvidence(open(tpm.backEnd), { bound: { nonce }, origin, now });
  const anchors = readCertificates(Buffer.from(pem(tpm.ca)), 'the CA');
  return [
    formatEvidence(evidence),
    { bound: { nonce }, anchors, intermediates: [], pcrs: anyPcrs, now },
  ];
}

const verify = (json: JsonObject, expected: Expectation) =>
  Promise.resolve()
    .then(() => parseEvidence(JSON.stringify(json)))
    .then((evidence) => verifyEvidence(evidence, expected));

const failed = (message: RegExp) => ({
  code: 'verification-failed',
  message: expect.stringMatching(message) as string,
});
const distrusted = (message: RegExp) => ({
  code: 'not-trusted',
  message: expect.stringMatching(message) as string,
});

describe('evidence that holds together', () => {
  it('is read back, and its verdict says what is missing', async () => {
    const [json, expected] = await made();
    const verified = await verify(json, expected);
    expect(verified.tpm?.description).toEqual({ manufacturer: 'id:00001014', model: 'software' });
    // The forger's TPM gets this far: only the answer to a challenge tells it from a real one.
    const judged = verdict(verified, 'waived');
    expect(judged.level).toBe('tpm-unjoined');
    expect(judged.proven).toHaveLength(1);
    expect(judged.notProven[0]).toMatch(/AK was not activated/);
    expect(verdict(verified, 'activated')).toMatchObject({ level: 'tpm', origin });
  });

  it('explains a policy over registers', async () => {
    const values = [ZERO_PCRS.get(7) ?? new Uint8Array(0)];
    const selection = { bank: 'sha256', pcrs: [7] } as const;
    const bound = KEY.filter((name) => name !== 'userWithAuth');
    for (const withAuth of [true, false]) {
      const keyPolicy = pcrPolicyDigest('sha256', selection, values, withAuth);
      const [json, expected] = await made({ keyPolicy, policyPcrs: [7], keyAttributes: bound });
      const { tpm } = await verify(json, expected);
      expect(tpm).toMatchObject({ policyPcrs: [7], needsAuth: withAuth });
    }
    const keyPolicy = randomBytes(32);
    const [other, expected] = await made({ keyPolicy, policyPcrs: [7], keyAttributes: bound });
    await expect(verify(other, expected)).rejects.toMatchObject(failed(/policy of the key/));
    const [silent, same] = await made({ keyPolicy, keyAttributes: bound });
    await expect(verify(silent, same)).rejects.toMatchObject(failed(/does not explain/));
    const [loose, too] = await made({ keyPolicy, policyPcrs: [7] });
    await expect(verify(loose, too)).rejects.toMatchObject(failed(/without its policy/));
  });

  it('of a key without a TPM proves possession, and says so', async () => {
    const signer = open(memoryKey('EdDSA'));
    const evidence = await makeEvidence(signer, { bound: { nonce }, origin, now });
    const [, expected] = await made();
    const verified = await verify(formatEvidence(evidence), expected);
    expect(verdict(verified, 'waived').level).toBe('possession');
  });
});

describe('evidence that is bound to something else', () => {
  it('is refused', async () => {
    const [json, expected] = await made();
    const other = { nonce: nonce.replace('00', '01') };
    await expect(verify(json, { ...expected, bound: other })).rejects.toMatchObject(
      failed(/bound to something else/),
    );
    // The binding alone rewritten: key and TPM signed the other one.
    await expect(
      verify({ ...json, binding: other }, { ...expected, bound: other }),
    ).rejects.toMatchObject(failed(/bound otherwise/));
  });

  it('is refused when only the TPM’s half is replayed', async () => {
    const tpm = softwareTpm();
    const signer = open(tpm.backEnd);
    const request = { bound: { nonce }, origin, now };
    const before = formatEvidence(await makeEvidence(signer, request));
    const fresh = { nonce: 'ff'.repeat(32) };
    const after = formatEvidence(await makeEvidence(signer, { ...request, bound: fresh }));
    const anchors = readCertificates(tpm.ca, 'the CA');
    const expected = { bound: fresh, anchors, intermediates: [], pcrs: anyPcrs, now };
    await verify(after, expected);
    await expect(verify({ ...after, tpm: before['tpm'] ?? null }, expected)).rejects.toMatchObject(
      failed(/certification is bound to something else/),
    );
  });
});

describe('a key that could be elsewhere', () => {
  const without = (names: typeof KEY, name: string) => names.filter((each) => each !== name);
  it.each(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'sign'] as const)(
    'without %s is refused',
    async (name) => {
      const [json, expected] = await made({ keyAttributes: without(KEY, name) });
      await expect(verify(json, expected)).rejects.toMatchObject(
        distrusted(new RegExp(`key does not have the attribute \`${name}\``)),
      );
    },
  );

  it.each([
    ['key', { keyAttributes: [...KEY, 'restricted'] }],
    ['key', { keyAttributes: [...KEY, 'decrypt'] }],
    ['AK', { akAttributes: [...AK, 'decrypt'] }],
    ['AK', { akAttributes: without(AK, 'restricted') }],
    ['AK', { akAttributes: without(AK, 'fixedTPM') }],
  ] as [string, SoftwareTpmOptions][])('as %s with %j is refused', async (what, options) => {
    const [json, expected] = await made(options);
    await expect(verify(json, expected)).rejects.toMatchObject(
      distrusted(new RegExp(`the ${what} (has|does not have) the attribute`)),
    );
  });

  it.each([[...EK, 'sign'], without(EK, 'restricted'), without(EK, 'fixedTPM')] as (typeof EK)[])(
    'below an EK that is not made by the book is refused',
    async (...ekAttributes) => {
      const [json, expected] = await made({ ekAttributes });
      await expect(verify(json, expected)).rejects.toMatchObject(distrusted(/Profile/));
    },
  );

  it('is refused when it is not the pinned one, or not the one that was certified', async () => {
    const [json, expected] = await made();
    await expect(verify(json, { ...expected, kids: ['A'.repeat(43)] })).rejects.toMatchObject(
      distrusted(/evidence is about/),
    );
    // A key of the forger's own, next to a TPM's honest statements about another.
    const [other] = await made();
    const swapped = { ...other, tpm: json['tpm'] ?? null };
    await expect(verify(swapped, expected)).rejects.toMatchObject(failed(/another than the one/));
  });
});

describe('statements that are not the AK’s', () => {
  const part = (json: JsonObject, name: string) => (json['tpm'] as JsonObject)[name] ?? null;
  it.each([
    ['ek', /no given CA/],
    ['ak', /did not sign/],
    ['key', /another object than the key/],
    ['certify', /did not sign/],
    ['quote', /did not sign/],
  ])('of another TPM, %s, are refused', async (name, why) => {
    const [json, expected] = await made();
    const [other] = await made();
    const tpm = { ...(json['tpm'] as JsonObject), [name]: part(other, name) };
    await expect(verify({ ...json, tpm }, expected)).rejects.toMatchObject({
      message: expect.stringMatching(why) as string,
    });
  });

  it('in each other’s place are refused', async () => {
    const [json, expected] = await made();
    const { statement, signature } = part(json, 'certify') as JsonObject;
    const quote = { ...(part(json, 'quote') as JsonObject), statement, signature };
    const tpm = { ...(json['tpm'] as JsonObject), quote } as JsonObject;
    await expect(verify({ ...json, tpm }, expected)).rejects.toMatchObject(
      failed(/quote is a certification/),
    );
    const { pcrs: _, ...certify } = part(json, 'quote') as JsonObject;
    const other = { ...(json['tpm'] as JsonObject), certify } as JsonObject;
    await expect(verify({ ...json, tpm: other }, expected)).rejects.toMatchObject(
      failed(/certification is a quote/),
    );
  });

  it.each([
    ['without the magic', 0, /that a TPM made it/],
    ['by another signer', 10, /another signer/],
  ])('%s are refused', async (_, at, why) => {
    const [json, expected] = await made({
      edit: (statement) => {
        statement[at] = (statement[at] ?? 0) ^ 1;
        return statement;
      },
    });
    await expect(verify(json, expected)).rejects.toMatchObject(failed(why));
  });

  it('about other registers are refused', async () => {
    const [json, expected] = await made();
    const quote = part(json, 'quote') as JsonObject;
    const pcrs = quote['pcrs'] as JsonObject;
    const changed = (values: JsonObject): JsonObject => ({
      ...json,
      tpm: { ...(json['tpm'] as JsonObject), quote: { ...quote, pcrs: values } },
    });
    await expect(verify(changed({ ...pcrs, 3: 'ab'.repeat(32) }), expected)).rejects.toMatchObject(
      failed(/registers are not those quoted/),
    );
    await expect(verify(changed({ ...pcrs, 9: 'ab'.repeat(32) }), expected)).rejects.toMatchObject(
      failed(/other registers/),
    );
    const wanted = new Map([[7, new Uint8Array(32).fill(1)]]);
    await expect(verify(json, { ...expected, pcrs: wanted })).rejects.toMatchObject(
      distrusted(/register 7 holds 0000/),
    );
    await expect(
      verify(json, { ...expected, pcrs: new Map([[9, new Uint8Array(32)]]) }),
    ).rejects.toMatchObject(distrusted(/register 9 was not quoted/));
  });
});

describe('an EK nobody vouches for', () => {
  it.each<[string, SoftwareTpmOptions['certificate'], RegExp]>([
    ['expired', { notAfter: new Date('2026-11-21T11:59:59Z') }, /expired at 2026/],
    ['not valid yet', { notBefore: new Date('2026-11-22') }, /valid only from/],
    ['for another purpose', { purposes: ['1.3.6.1.5.5.7.3.1'] }, /do not name 2\.23\.133\.8\.1/],
    ['of a CA', { ca: true }, /that of a CA/],
    ['of a key that gets no secrets', { keyUsage: [0] }, /may not receive secrets/],
    ['that signs certificates', { keyUsage: [4, 5] }, /may sign certificates/],
    ['with an unknown critical extension', { critical: ['1.2.3.4'] }, /critical.*1\.2\.3\.4/],
    ['of another key', { key: caPair().publicKey }, /another key than the EK/],
    ['by a namesake', { signer: caPair().privateKey }, /no given CA/],
    ['by somebody else', { issuer: 'somebody else' }, /no given CA/],
    ['signed with SHA-1', { hash: 'sha1' }, /algorithm that is not trusted/],
  ])('its certificate %s', async (_, options, why) => {
    const [json, expected] = await made(options === undefined ? {} : { certificate: options });
    await expect(verify(json, expected)).rejects.toMatchObject({
      message: expect.stringMatching(why) as string,
    });
  });

  it('its certificate in a second spelling', async () => {
    // A signature that ends with a zero bit is the same without that bit, to who does not look.
    for (;;) {
      const tpm = softwareTpm();
      const made = await makeEvidence(open(tpm.backEnd), { bound: { nonce }, origin, now });
      if (made.tpm === undefined) throw new Error('evidence without a TPM');
      const spelt = Uint8Array.from(made.tpm.ek.certificate);
      if (((spelt.at(-1) ?? 1) & 1) !== 0) continue;
      // The byte before the SEQUENCE that goes up to the end.
      const at = spelt.findLastIndex(
        (_, start) => spelt[start + 1] === 0x30 && spelt[start + 2] === spelt.length - start - 3,
      );
      spelt[at] = 1;
      const ek = { ...made.tpm.ek, certificate: spelt };
      const json = formatEvidence({ ...made, tpm: { ...made.tpm, ek } });
      const anchors = readCertificates(tpm.ca, 'the CA');
      const expected = { bound: { nonce }, anchors, intermediates: [], pcrs: anyPcrs, now };
      await expect(verify(json, expected)).rejects.toMatchObject(failed(/within a byte|DER/));
      return;
    }
  });

  it('with the wrong CA, or none', async () => {
    const [json, expected] = await made();
    const [, others] = await made();
    for (const anchors of [[], others.anchors]) {
      await expect(verify(json, { ...expected, anchors })).rejects.toMatchObject(
        distrusted(/no given CA/),
      );
    }
  });

  it('over issuers that may issue, and no others', async () => {
    const [root, middle, low] = [caPair(), caPair(), caPair()];
    const ca = { key: root.publicKey, signer: root.privateKey, ca: true, keyUsage: [5] };
    const anchor = (more: object) =>
      readCertificates(certificate({ subject: 'root', issuer: 'root', ...ca, ...more }), 'CA');
    const between = (more: object) => [
      ...readCertificates(
        certificate({ ...ca, subject: 'middle', issuer: 'root', key: middle.publicKey, ...more }),
        'CA',
      ),
      ...readCertificates(
        certificate({
          ...ca,
          subject: 'low',
          issuer: 'middle',
          key: low.publicKey,
          signer: middle.privateKey,
        }),
        'CA',
      ),
    ];
    const [json, expected] = await made({ ca: { ...low, subject: 'low' } });
    const check = (top: object, below: object): Promise<unknown> =>
      verify(json, { ...expected, anchors: anchor(top), intermediates: between(below) });
    await check({}, {});
    await check({ pathLength: 2 }, { pathLength: 1 });
    const faults: [object, object, RegExp][] = [
      [{ pathLength: 1 }, {}, /allows 1 issuers below it, not 2/],
      [{}, { pathLength: 0 }, /allows 0 issuers below it, not 1/],
      [{}, { ca: false }, /not that of a CA/],
      [{}, { keyUsage: [0] }, /may not sign certificates/],
      [{}, { notAfter: new Date('2021-01-01') }, /expired/],
      [{ notAfter: new Date('2021-01-01') }, {}, /expired/],
      // Name constraints are not looked at here.
      [{}, { critical: ['2.5.29.30'] }, /critical extension/],
    ];
    for (const [top, below, why] of faults) {
      await expect(check(top, below)).rejects.toMatchObject(distrusted(why));
    }
    // One between that is trusted by itself needs no root.
    await verify(json, { ...expected, anchors: between({}).slice(1), intermediates: [] });
  });
});

describe('damaged evidence', () => {
  const spoilt = { code: expect.stringMatching(/^(verification-failed|not-trusted)$/) as string };

  it('is refused wherever it is cut', async () => {
    const [json, expected] = await made();
    const text = JSON.stringify(json);
    for (let length = 0; length < text.length; length += 97) {
      await expect(
        Promise.resolve().then(() =>
          verifyEvidence(parseEvidence(text.slice(0, length)), expected),
        ),
      ).rejects.toMatchObject(spoilt);
    }
  });

  it('is refused whatever byte of it changes', async () => {
    const [json, expected] = await made();
    const text = Buffer.from(JSON.stringify(json));
    for (let round = 0; round < 600; round += 1) {
      const random = new Random(20_261_121, round);
      const at = random.below(text.length);
      const copy = Buffer.from(text);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(7));
      await expect(
        Promise.resolve().then(() => verifyEvidence(parseEvidence(copy), expected)),
        `byte ${at}`,
      ).rejects.toMatchObject(spoilt);
    }
  });

  it('with a member too many, or one too few', async () => {
    const [json, expected] = await made();
    const { possession: _, ...fewer } = json;
    for (const changed of [
      { ...json, more: 1 },
      fewer,
      { ...json, format: 'warder-attestation/2' },
    ]) {
      await expect(verify(changed, expected)).rejects.toMatchObject(spoilt);
    }
  });
});
