// What keys are asked for: public areas before there is a key (TCG EK Credential Profile, TPM 2.0 Provisioning
// Guidance). Primary keys come out the same for the same template, so none of them may change.

import { decodeHex } from '../../base/encoding/hex.ts';
import { ATTRIBUTE, type AttributeName, TPM_ALG, TPM_CURVE, type TpmHash } from './public-area.ts';
import { joined, sized, u16, u32 } from './tpm-writer.ts';

const NOTHING = new Uint8Array(0);

/** Attributes of a key that signs, exists in one TPM only, and counts against no lockout. */
const SIGNING: readonly AttributeName[] = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'noDA',
  'sign',
];

/**
 * A key that signs with ECDSA and never leaves.
 *
 * @param authPolicy replaces the auth value, unless it demands it itself; empty without a policy.
 */
export function signingTemplate(
  curve: keyof typeof TPM_CURVE,
  hash: TpmHash,
  authPolicy: Uint8Array = NOTHING,
): Uint8Array {
  const withPolicy = authPolicy.length > 0;
  return eccTemplate({
    attributes: withPolicy ? SIGNING : [...SIGNING, 'userWithAuth'],
    authPolicy,
    curve,
    scheme: [TPM_ALG.ecdsa, TPM_ALG[hash]],
    unique: 0,
  });
}

/** A key that signs only what its TPM says: statements and quotes. */
export const akTemplate: Uint8Array = eccTemplate({
  attributes: [...SIGNING, 'userWithAuth', 'restricted'],
  authPolicy: NOTHING,
  curve: 'P-256',
  scheme: [TPM_ALG.ecdsa, TPM_ALG.sha256],
  unique: 0,
});

/** The storage root key at 0x81000001, ECC. */
export const srkTemplate: Uint8Array = eccTemplate({
  attributes: [
    'fixedTPM',
    'fixedParent',
    'sensitiveDataOrigin',
    'userWithAuth',
    'noDA',
    'restricted',
    'decrypt',
  ],
  authPolicy: NOTHING,
  cipher: true,
  curve: 'P-256',
  scheme: [TPM_ALG.null],
  unique: 32,
});

const EK_ATTRIBUTES: readonly AttributeName[] = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'adminWithPolicy',
  'restricted',
  'decrypt',
];
/** PolicySecret of the endorsement hierarchy. */
const EK_POLICY = decodeHex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa');

/** The endorsement keys that certificates in NV are for: templates L-1 and L-2. */
export const ekTemplates: Readonly<
  Record<'rsa' | 'ecc', { readonly certificate: number; readonly template: Uint8Array }>
> = {
  rsa: {
    certificate: 0x01c0_0002,
    template: joined(
      u16(TPM_ALG.rsa),
      u16(TPM_ALG.sha256),
      attributes(EK_ATTRIBUTES),
      sized(EK_POLICY),
      ...[TPM_ALG.aes, 128, TPM_ALG.cfb, TPM_ALG.null, 2048].map(u16),
      u32(0),
      sized(new Uint8Array(256)),
    ),
  },
  ecc: {
    certificate: 0x01c0_000a,
    template: eccTemplate({
      attributes: EK_ATTRIBUTES,
      authPolicy: EK_POLICY,
      cipher: true,
      curve: 'P-256',
      scheme: [TPM_ALG.null],
      unique: 32,
    }),
  },
};

interface EccTemplate {
  readonly attributes: readonly AttributeName[];
  readonly authPolicy: Uint8Array;
  /** AES-128-CFB: of a storage key. */
  readonly cipher?: true;
  readonly curve: keyof typeof TPM_CURVE;
  readonly scheme: readonly number[];
  /** Zero bytes of each coordinate. */
  readonly unique: number;
}

function eccTemplate(wanted: EccTemplate): Uint8Array {
  const cipher = wanted.cipher === true ? [TPM_ALG.aes, 128, TPM_ALG.cfb] : [TPM_ALG.null];
  const coordinate = sized(new Uint8Array(wanted.unique));
  return joined(
    u16(TPM_ALG.ecc),
    u16(TPM_ALG.sha256),
    attributes(wanted.attributes),
    sized(wanted.authPolicy),
    ...[...cipher, ...wanted.scheme, TPM_CURVE[wanted.curve], TPM_ALG.null].map(u16),
    coordinate,
    coordinate,
  );
}

function attributes(names: readonly AttributeName[]): Uint8Array {
  return u32(names.reduce((all, name) => all | ATTRIBUTE[name], 0));
}
