import { expect, test } from 'vitest';
import { decodeBase64 } from '../../../src/base/encoding/base64.ts';
import { decodeHex } from '../../../src/base/encoding/hex.ts';
import type { Json } from '../../../src/base/encoding/json.ts';
import { formatDerSignature, parseDerSignature } from '../../../src/trust/verify/der-signature.ts';
import { isCanonicalScalar, isWeakPoint } from '../../../src/trust/verify/ed25519-point.ts';
import { formatEnvelope, verifyEnvelope } from '../../../src/trust/verify/envelope.ts';
import { formatJwk, parseJwk } from '../../../src/trust/verify/jwk.ts';
import { loadKeys, type TrustedKey } from '../../../src/trust/verify/keys.ts';
import { parseJws, verifyJws } from '../../../src/trust/verify/jws.ts';
import { signersOf } from '../../../src/trust/verify/note.ts';
import { canSignNotes, formatVkey, noteKeyId } from '../../../src/trust/verify/note-key.ts';
import { checkSignatures } from '../../../src/trust/verify/rotation.ts';
import { holds, importKey, webVerify } from '../../../src/trust/verify/signature.ts';
import { formatSpki, parseSpki } from '../../../src/trust/verify/spki.ts';
import { vectorFiles } from './vectors.ts';

interface SignatureGroup {
  readonly publicKeyDer: string;
  readonly publicKeyJwk?: Json;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly msg: string;
    readonly sig: string;
    readonly result: string;
  }[];
}

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');

async function misjudged(file: string, der: number | undefined): Promise<string[]> {
  const wrong: string[] = [];
  for (const suite of vectorFiles(`wycheproof/${file}.json`).values()) {
    for (const group of (suite as { testGroups: SignatureGroup[] }).testGroups) {
      const spki = parseSpki(hex(group.publicKeyDer));
      const key = await importKey(spki);
      const web = { alg: key.alg, check: await webVerify(key.alg, formatSpki(spki)) };
      if (group.publicKeyJwk !== undefined) parseJwk(group.publicKeyJwk);
      for (const { tcId, comment, msg, sig, result } of group.tests) {
        let held = false;
        try {
          const raw = der === undefined ? hex(sig) : parseDerSignature(hex(sig), der);
          held = await holds(key, hex(msg), raw);
          // Where there is no Node the answer is the same.
          expect(await holds(web, hex(msg), raw)).toBe(held);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'verification-failed' });
        }
        if (held !== (result === 'valid')) wrong.push(`${tcId} ${comment}`);
      }
    }
  }
  return wrong;
}

test.each([
  ['ecdsa_secp256r1_sha256_p1363_test', undefined],
  ['ecdsa_secp384r1_sha384_p1363_test', undefined],
  ['ecdsa_secp256r1_sha256_test', 32],
  ['ecdsa_secp384r1_sha384_test', 48],
  ['ed25519_test', undefined],
] as const)('every signature of Wycheproof %s is judged as its author says', async (file, der) => {
  expect(await misjudged(file, der)).toEqual([]);
});

interface JwsGroup {
  readonly comment: string;
  readonly public?: Json;
  readonly private?: Json;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly jws: string;
    readonly result: string;
  }[];
}

test('no invalid token of Wycheproof is accepted, and each valid one of our algorithms is', async () => {
  const accepted: string[] = [];
  const missed: string[] = [];
  for (const suite of vectorFiles('wycheproof/json_web_signature_test.json').values()) {
    for (const group of (suite as { testGroups: JwsGroup[] }).testGroups) {
      for (const { tcId, comment, jws, result } of group.tests) {
        let held = false;
        try {
          const [key] = await loadKeys([JSON.stringify(group.public ?? group.private)], ['lease']);
          if (key === undefined) throw new Error('no key');
          await verifyJws(parseJws(jws), key);
          held = true;
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'WarderError' });
        }
        const ours = (group.public as { alg?: string } | undefined)?.alg === 'ES256';
        if (held && result !== 'valid') accepted.push(`${tcId} ${group.comment} ${comment}`);
        if (!held && ours && result === 'valid') missed.push(`${tcId} ${group.comment} ${comment}`);
      }
    }
  }
  expect({ accepted, missed }).toEqual({ accepted: [], missed: [] });
});

test.each([
  ['order 1', '0100000000000000000000000000000000000000000000000000000000000000'],
  ['order 1, sign set', '0100000000000000000000000000000000000000000000000000000000000080'],
  ['order 2', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['order 4', '0000000000000000000000000000000000000000000000000000000000000000'],
  ['order 4, sign set', '0000000000000000000000000000000000000000000000000000000000000080'],
  ['order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
  ['order 8, sign set', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
  ['order 8, the other', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'],
  ['zero spelled as p', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['one spelled as p + 1', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
  ['a point spelled beyond p', 'f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
])('an Ed25519 key of low order or in a second spelling is refused: %s', async (_, key) => {
  const spki = hex(`302a300506032b6570032100${key}`);
  await expect(importKey(parseSpki(spki))).rejects.toMatchObject({ code: 'not-trusted' });
});

test('an ordinary Ed25519 key is not weak', () => {
  const key = decodeHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  expect(isWeakPoint(key)).toBe(false);
});

test('a P-256 key off the curve is refused', async () => {
  const der = decodeBase64(
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKSexBRK64+3c/kZ4KBKLrSkDJpkZ9whgacjE32xzKDjHeHlk6qwA5ZIfsUmKYPRgZ2az2WhQAVWNGpdOc0FRPg==',
  );
  await importKey(parseSpki(der));
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  await expect(importKey(parseSpki(der))).rejects.toMatchObject({ code: 'malformed' });
});

test('an Ed25519 scalar of the group order or more is no second spelling', () => {
  const order = decodeHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
  expect(isCanonicalScalar(order)).toBe(false);
  expect(isCanonicalScalar(order.with(0, 0xec))).toBe(true);
  expect(isCanonicalScalar(new Uint8Array(32).fill(255))).toBe(false);
});

/** A key as each of the files names it that verifiers take. */
async function everyWayIn(der: Uint8Array): Promise<TrustedKey[]> {
  const raw = parseSpki(der);
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
  const jwk = JSON.stringify(formatJwk(raw));
  const texts = [pem, jwk, `{"keys":[${jwk}]}`];
  if (canSignNotes(raw)) texts.push(formatVkey({ name: NOTE_NAME, raw }));
  const keys = await Promise.all(texts.map((text) => loadKeys([text], ['checkpoint'])));
  return keys.flat();
}

const NOTE_NAME = 'log.example';

/** The paths by which a signature over any text can be asked about. */
const paths: Readonly<
  Record<
    string,
    (key: TrustedKey, text: string, raw: Uint8Array, der: Uint8Array) => Promise<unknown>
  >
> = {
  JWS: (key, signingInput, signature) =>
    verifyJws(
      { header: { alg: key.alg }, payload: new Uint8Array(), signature, signingInput },
      key,
    ),
  rotation: (key, signingInput, signature) =>
    checkSignatures(
      { claims: {} as never, signatures: [{ kid: key.kid, signingInput, signature }] },
      [key],
    ),
  note: async (key, text, _, der) => {
    const keyId = noteKeyId(NOTE_NAME, key.raw);
    const note = { text, signatures: [{ name: NOTE_NAME, keyId, signature: der }] };
    const signers = await signersOf(note, NOTE_NAME, [key]);
    if (signers.length !== 1) throw new Error('the line was passed over');
    return signers;
  },
};

test.each([
  ['ecdsa_secp256r1_sha256_p1363_test', false],
  ['ecdsa_secp384r1_sha384_p1363_test', false],
  ['ecdsa_secp256r1_sha256_test', true],
  ['ecdsa_secp384r1_sha384_test', true],
  ['ed25519_test', false],
] as const)(
  'Wycheproof %s by every way in, by every path that takes its text',
  async (file, isDer) => {
    const wrong: string[] = [];
    for (const suite of vectorFiles(`wycheproof/${file}.json`).values()) {
      for (const group of (suite as { testGroups: SignatureGroup[] }).testGroups) {
        const keys = await everyWayIn(hex(group.publicKeyDer));
        expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
        const { size, kty } = (keys[0] as TrustedKey).raw.form;
        for (const [at, { tcId, comment, msg, sig, result }] of group.tests.entries()) {
          const text = Buffer.from(msg, 'hex').toString();
          if (Buffer.from(text).toString('hex') !== msg) continue;
          // Each vector by one way in, all of them in turn.
          const key = keys[at % keys.length] as TrustedKey;
          for (const [path, ask] of Object.entries(paths)) {
            // Type 0x02 is for P-256 alone: no note is signed with P-384.
            if (path === 'note' && !canSignNotes(key.raw)) continue;
            const held = await Promise.try(() => {
              const raw = isDer ? parseDerSignature(hex(sig), size) : hex(sig);
              const der = isDer || kty === 'OKP' ? hex(sig) : derOf(raw, size);
              return ask(key, text, raw, der);
            }).then(
              () => true,
              (error: { code?: string }) => {
                expect(error.code).toBe('verification-failed');
                return false;
              },
            );
            if (held !== (result === 'valid')) wrong.push(`${path}: ${tcId} ${comment}`);
          }
          // Over a statement it was never made for, it holds for nobody.
          const envelope = formatEnvelope(Buffer.from(text), key.raw, new Uint8Array(2 * size));
          const [signature] = envelope.signatures;
          const foreign = {
            ...envelope,
            signatures: [{ ...signature, sig: Buffer.from(sig, 'hex').toString('base64') }],
          };
          const dsse = { ...key, roles: ['dsse' as const] };
          await expect(verifyEnvelope(JSON.stringify(foreign), [dsse])).rejects.toMatchObject({
            code: 'verification-failed',
          });
        }
      }
    }
    expect(wrong).toEqual([]);
  },
);

/** A raw signature of another length has no DER: as it is, then. */
function derOf(raw: Uint8Array, size: number): Uint8Array {
  return raw.length === 2 * size ? formatDerSignature(raw) : raw;
}
