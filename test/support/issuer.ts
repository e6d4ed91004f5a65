// An issuer of identities in one process: its keys, and JWTs as bent as a test wants them.

import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

type Json = Readonly<Record<string, unknown>>;

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

type Pair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

export type FakeAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';

const pairs: Readonly<Record<FakeAlgorithm, () => Pair>> = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

export class FakeIssuer {
  readonly alg: FakeAlgorithm;
  readonly kid: string;
  readonly jwk: Json;
  readonly #key: KeyObject;

  constructor(alg: FakeAlgorithm = 'ES256', kid = `key-${alg}`) {
    const { privateKey, publicKey } = pairs[alg]();
    this.alg = alg;
    this.kid = kid;
    this.#key = privateKey;
    this.jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' };
  }

  /** A JWT with these claims; members of `header` replace or, when undefined, take away. */
  token(claims: Json | string, header: Json = {}): string {
    const input = `${encode({ typ: 'JWT', alg: this.alg, kid: this.kid, ...header })}.${encode(claims)}`;
    return `${input}.${this.#sign(input).toString('base64url')}`;
  }

  /** The same, the header as text. */
  tokenWithHeader(header: string, claims: Json): string {
    const input = `${encode(header)}.${encode(claims)}`;
    return `${input}.${this.#sign(input).toString('base64url')}`;
  }

  #sign(input: string): Buffer {
    const bytes = Buffer.from(input);
    if (this.alg === 'EdDSA') return sign(null, bytes, this.#key);
    if (this.alg === 'RS256') return sign('sha256', bytes, this.#key);
    if (this.alg === 'PS256') {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return sign('sha256', bytes, { key: this.#key, padding, saltLength: 32 });
    }
    const hash = this.alg === 'ES384' ? 'sha384' : 'sha256';
    return sign(hash, bytes, { key: this.#key, dsaEncoding: 'ieee-p1363' });
  }
}

/** What an attacker with nothing but the public key can sign with it: an HMAC under its bytes. */
export function hmacToken(claims: Json, kid: string, secret: string | Buffer): string {
  const input = `${encode({ typ: 'JWT', alg: 'HS256', kid })}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** A JWT that is signed by nobody. */
export function unsignedToken(claims: Json, header: Json = { alg: 'none' }): string {
  return `${encode(header)}.${encode(claims)}.`;
}
