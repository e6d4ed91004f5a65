// The key of a holder: made or read here, signs proofs and children, never leaves but to a subprocess.

import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseHolderJwk, thumbprint } from '../lease/holder-jwk.ts';
import type { HolderJwk } from '../lease/lease.ts';

/** A private key as RFC 7517 JSON: to be kept as what it is. */
export interface PrivateHolderJwk extends HolderJwk {
  readonly d: string;
}

/** A key pair that signs for its holder. */
export interface HolderKey {
  readonly jwk: HolderJwk;
  /** RFC 7638 thumbprint. */
  readonly jkt: string;
  readonly alg: 'ES256' | 'EdDSA';
  /** Raw `r || s`, or 64 bytes of EdDSA, over the text. */
  sign(signingInput: string): Promise<Uint8Array>;
  /** For a subprocess that inherits it. */
  exportPrivate(): PrivateHolderJwk;
}

const IMPORT = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
} as const;
const SIGN = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
} as const;

/** Makes a key. */
export async function generateHolderKey(alg: HolderKey['alg'] = 'ES256'): Promise<HolderKey> {
  const pair = await crypto.subtle.generateKey(IMPORT[alg], true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new WarderError('internal', 'no key pair was made');
  return importHolderKey(await crypto.subtle.exportKey('jwk', pair.privateKey));
}

/**
 * Reads a private key.
 *
 * @throws WarderError `malformed` for anything but a private P-256 or Ed25519 JWK whose parts belong
 *   together.
 */
export async function importHolderKey(json: unknown): Promise<HolderKey> {
  const { kty, crv, x, y, d } = (json ?? {}) as Readonly<Record<string, unknown>>;
  const jwk = parseHolderJwk({ kty, crv, x, ...(y === undefined ? {} : { y }) });
  if (jwk === undefined || typeof d !== 'string') refuse();
  const alg = jwk.kty === 'EC' ? 'ES256' : 'EdDSA';
  const whole: PrivateHolderJwk = Object.freeze({ ...jwk, d });
  const key = await privateKey(whole, alg);
  const sign = async (text: string): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.sign(SIGN[alg], key, encodeUtf8(text)));
  return Object.freeze({ jwk, jkt: thumbprint(jwk), alg, sign, exportPrivate: () => whole });
}

async function privateKey(jwk: PrivateHolderJwk, alg: HolderKey['alg']): Promise<CryptoKey> {
  try {
    const key = await crypto.subtle.importKey('jwk', { ...jwk }, IMPORT[alg], false, ['sign']);
    const { d: _, ...open } = jwk;
    const own = await crypto.subtle.importKey('jwk', open, IMPORT[alg], false, ['verify']);
    const probe = encodeUtf8('warder holder key');
    const signature = await crypto.subtle.sign(SIGN[alg], key, probe);
    if (await crypto.subtle.verify(SIGN[alg], own, signature, probe)) return key;
  } catch (cause) {
    refuse(cause);
  }
  return refuse();
}

function refuse(cause?: unknown): never {
  throw new WarderError('malformed', 'not the private key of a holder', {
    hint: 'give a private P-256 or Ed25519 key as JWK',
    ...(cause === undefined ? {} : { cause }),
  });
}
