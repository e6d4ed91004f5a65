// How an issuer of identities may sign: asymmetric algorithms only, each with what it takes to verify.

import { constants } from 'node:crypto';

/** JWS names (RFC 7518, RFC 8037). None of them works with a shared secret, and `none` is not there. */
export const identityAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'EdDSA',
] as const;

export type IdentityAlgorithm = (typeof identityAlgorithms)[number];

/** What of an algorithm `node:crypto` has to be told. */
export interface AlgorithmForm {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  readonly crv?: string;
  readonly hash: string | null;
  readonly padding?: number;
  readonly saltLength?: number;
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants;
const pkcs1 = (hash: string): AlgorithmForm => ({ kty: 'RSA', hash, padding: RSA_PKCS1_PADDING });
const pss = (hash: string, saltLength: number): AlgorithmForm => ({
  kty: 'RSA',
  hash,
  padding: RSA_PKCS1_PSS_PADDING,
  saltLength,
});

export const algorithmForms: Readonly<Record<IdentityAlgorithm, AlgorithmForm>> = {
  RS256: pkcs1('sha256'),
  RS384: pkcs1('sha384'),
  RS512: pkcs1('sha512'),
  PS256: pss('sha256', 32),
  PS384: pss('sha384', 48),
  PS512: pss('sha512', 64),
  ES256: { kty: 'EC', crv: 'P-256', hash: 'sha256' },
  ES384: { kty: 'EC', crv: 'P-384', hash: 'sha384' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', hash: null },
};
