// Names of algorithms, keys and roles. The signer room uses the same words; this room runs without it.

/** Signature algorithms, spelled as in RFC 7518 / RFC 8037. */
export type Algorithm = 'ES256' | 'ES384' | 'EdDSA';

/** A public key as RFC 7517 JSON; `kid` is its RFC 7638 thumbprint. */
export interface PublicJwk {
  readonly kty: 'EC' | 'OKP';
  readonly crv: 'P-256' | 'P-384' | 'Ed25519';
  readonly x: string;
  readonly y?: string;
  readonly kid: string;
  readonly alg: Algorithm;
}

/** What a key may sign. */
export type KeyRole =
  'lease' | 'checkpoint' | 'rotation' | 'revocations' | 'dsse' | 'attest' | 'probe';
