// A TPM made of software, as a forger would make one: it writes the right structures about keys that are in this
// process, with whatever attributes and certificates it likes.

import { createHash, type KeyObject, sign } from 'node:crypto';
import { decodeBase64url } from '../../src/base/encoding/base64url.ts';
import { decodeHex } from '../../src/base/encoding/hex.ts';
import { formatSelection } from '../../src/trust/tpm/attest-structures.ts';
import type { SignedStatement, TpmAttestor, TpmEvidence } from '../../src/trust/tpm/attestor.ts';
import {
  ATTRIBUTE,
  type AttributeName,
  nameOf,
  parsePublicArea,
  parseSizedPublic,
  qualifiedName,
  TPM_ALG,
} from '../../src/trust/tpm/public-area.ts';
import { joined, sized, u16, u32 } from '../../src/trust/tpm/tpm-writer.ts';
import type { BackEndKey } from '../../src/trust/signer/checked-signer.ts';
import { makePublicJwk } from '../../src/trust/signer/jwk.ts';
import {
  caPair,
  certificate,
  type CertificateOptions,
  type Pair,
} from '../support/certificates.ts';

type Names = readonly AttributeName[];

export interface SoftwareTpmOptions {
  readonly ekAttributes?: Names;
  readonly akAttributes?: Names;
  readonly keyAttributes?: Names;
  readonly keyPolicy?: Uint8Array<ArrayBuffer>;
  readonly policyPcrs?: readonly number[];
  readonly pcrs?: ReadonlyMap<number, Uint8Array>;
  /** Over what a proper EK certificate has. */
  readonly certificate?: Partial<CertificateOptions>;
  readonly ca?: Pair & { readonly subject: string };
  /** Changes a statement before the AK signs it. */
  readonly edit?: (statement: Buffer, what: 'certify' | 'quote') => Buffer;
}

export const EK: Names = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'adminWithPolicy',
  'restricted',
  'decrypt',
];
/** Policy A of the EK Credential Profile. */
const EK_POLICY = decodeHex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa');
export const AK: Names = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'userWithAuth',
  'noDA',
  'restricted',
  'sign',
];
export const KEY: Names = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'userWithAuth',
  'noDA',
  'sign',
];

/** Registers 0 to 7 as they are before anything was measured. */
export const ZERO_PCRS: ReadonlyMap<number, Uint8Array> = new Map(
  Array.from({ length: 8 }, (_, pcr) => [pcr, new Uint8Array(32)] as const),
);

/** What is signed with the key, what it attests, and the CA that vouches for its EK. */
export interface SoftwareTpm {
  readonly backEnd: BackEndKey;
  readonly attestor: TpmAttestor;
  /** DER. */
  readonly ca: Buffer;
}

export function softwareTpm(options: SoftwareTpmOptions = {}): SoftwareTpm {
  const { ca = { ...caPair(), subject: 'maker of TPMs' }, pcrs = ZERO_PCRS } = options;
  const [ek, ak, key] = [caPair(), caPair(), caPair()];
  const ekPublic = area(ek.publicKey, options.ekAttributes ?? EK, {
    storage: true,
    policy: EK_POLICY,
  });
  const akPublic = area(ak.publicKey, options.akAttributes ?? AK, {});
  const policy = options.keyPolicy === undefined ? {} : { policy: options.keyPolicy };
  const keyPublic = area(key.publicKey, options.keyAttributes ?? KEY, policy);
  const signer = qualifiedName(u32(0x4000_000b), parseSizedPublic(akPublic, 'the AK'));
  const attest = (what: 'certify' | 'quote', nonce: Uint8Array, body: Uint8Array) => {
    const statement = Buffer.concat([
      u32(0xff54_4347),
      u16(what === 'certify' ? 0x8017 : 0x8018),
      sized(signer),
      sized(nonce),
      new Uint8Array(8 + 4 + 4),
      Uint8Array.of(1),
      new Uint8Array(8),
      body,
    ]);
    return signed(options.edit?.(statement, what) ?? statement, ak.privateKey);
  };
  const evidence = (nonce: Uint8Array): TpmEvidence => {
    const name = nameOf(parseSizedPublic(keyPublic, 'the key'));
    const digest = createHash('sha256');
    for (const value of pcrs.values()) digest.update(value);
    const selection = formatSelection({ bank: 'sha256', pcrs: [...pcrs.keys()] });
    return {
      ek: {
        certificate: certificate({
          subject: 'a TPM',
          issuer: ca.subject,
          key: ek.publicKey,
          signer: ca.privateKey,
          ca: false,
          keyUsage: [4],
          purposes: ['2.23.133.8.1'],
          tpm: { '2.23.133.2.1': 'id:00001014', '2.23.133.2.2': 'software' },
          ...options.certificate,
        }),
        intermediates: [],
        public: ekPublic,
      },
      ak: akPublic,
      key: keyPublic,
      ...(options.policyPcrs === undefined ? {} : { policyPcrs: options.policyPcrs }),
      certify: attest('certify', nonce, joined(sized(name), sized(name))),
      quote: { ...attest('quote', nonce, joined(selection, sized(digest.digest()))), pcrs },
    };
  };
  const attestor: TpmAttestor = {
    attest: (nonce) => Promise.resolve(evidence(nonce)),
    activate: () => Promise.reject(new Error('this one opens nothing')),
  };
  return {
    attestor,
    backEnd: {
      key: jwk(key.publicKey),
      custody: { backend: 'tpm2', summary: 'never leaves the device' },
      attestor,
      ready: () => Promise.resolve(),
      sign: (payload) =>
        Promise.resolve(
          sign('sha256', payload, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }),
        ),
      close: () => Promise.resolve(),
    },
    ca: certificate({
      subject: ca.subject,
      issuer: ca.subject,
      key: ca.publicKey,
      signer: ca.privateKey,
      ca: true,
      keyUsage: [5],
    }),
  };
}

/** TPM2B_PUBLIC of a P-256 key. */
function area(
  key: KeyObject,
  attributes: Names,
  {
    storage = false,
    policy = new Uint8Array(0),
  }: { storage?: boolean; policy?: Uint8Array<ArrayBuffer> },
): Uint8Array {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const bits = attributes.reduce((sum, name) => sum | ATTRIBUTE[name], 0);
  const body = joined(
    u16(TPM_ALG.ecc),
    u16(TPM_ALG.sha256),
    u32(bits),
    sized(policy),
    storage
      ? joined(u16(TPM_ALG.aes), u16(128), u16(TPM_ALG.cfb), u16(TPM_ALG.null))
      : joined(u16(TPM_ALG.null), u16(TPM_ALG.ecdsa), u16(TPM_ALG.sha256)),
    u16(3),
    u16(TPM_ALG.null),
    sized(decodeBase64url(x)),
    sized(decodeBase64url(y)),
  );
  parsePublicArea(body, 'an area just made');
  return sized(body);
}

function signed(statement: Uint8Array, key: KeyObject): SignedStatement {
  const raw = sign('sha256', statement, { key, dsaEncoding: 'ieee-p1363' });
  const signature = joined(
    u16(TPM_ALG.ecdsa),
    u16(TPM_ALG.sha256),
    sized(raw.subarray(0, 32)),
    sized(raw.subarray(32)),
  );
  return { statement, signature };
}

function jwk(key: KeyObject): BackEndKey['key'] {
  const { x, y } = key.export({ format: 'jwk' });
  return makePublicJwk('ES256', x, y);
}
