// One signature over bytes: ES256, ES384, EdDSA through node:crypto or WebCrypto, with the checks libraries differ in.

import { WarderError } from '../../base/errors/errors.ts';
import type { Algorithm } from './algorithm.ts';
import { isCanonicalScalar, isWeakPoint } from './ed25519-point.ts';
import { nativeVerify } from './native-verify.ts';
import { formatSpki, type RawKey } from './spki.ts';

/** A public key ready to verify with. */
export interface VerifyKey {
  readonly alg: Algorithm;
  /** Whether a raw signature of the right size holds. */
  readonly check: (message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>;
}

const IMPORT = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  EdDSA: { name: 'Ed25519' },
} as const;

const VERIFY = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  EdDSA: { name: 'Ed25519' },
} as const;

/** Bytes of a raw signature. */
const SIGNATURE_SIZE: Readonly<Record<Algorithm, number>> = {
  ES256: 64,
  ES384: 96,
  EdDSA: 64,
};

/**
 * Makes a key usable: with node:crypto where there is one, with WebCrypto elsewhere.
 *
 * @throws WarderError `malformed` for a point that is not on the curve; `not-trusted` for a weak
 *   Ed25519 key.
 */
export async function importKey(raw: RawKey): Promise<VerifyKey> {
  const { alg } = raw.form;
  if (alg === 'EdDSA' && isWeakPoint(raw.x)) {
    throw new WarderError('not-trusted', 'an Ed25519 key of low order or in a second spelling', {
      hint: 'signatures under such a key prove nothing: use another key',
    });
  }
  try {
    const spki = formatSpki(raw);
    const check = nativeVerify(alg, spki) ?? (await webVerify(alg, spki));
    return { alg, check };
  } catch (cause) {
    throw new WarderError('malformed', 'a public key that is not a point of its curve', { cause });
  }
}

/** WebCrypto's verification under a key. */
export async function webVerify(
  alg: Algorithm,
  spki: Uint8Array<ArrayBuffer>,
): Promise<VerifyKey['check']> {
  const key = await crypto.subtle.importKey('spki', spki, IMPORT[alg], true, ['verify']);
  return (message, signature) =>
    crypto.subtle.verify(VERIFY[alg], key, Uint8Array.from(signature), Uint8Array.from(message));
}

/**
 * Whether a raw signature (`r || s`, or 64 bytes for EdDSA) holds. High-s ECDSA signatures do;
 * EdDSA ones whose scalar or point has a second spelling do not, wherever this runs.
 */
export async function holds(
  { alg, check }: VerifyKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (signature.length !== SIGNATURE_SIZE[alg]) return false;
  if (alg === 'EdDSA') {
    if (isWeakPoint(signature.subarray(0, 32))) return false;
    if (!isCanonicalScalar(signature.subarray(32))) return false;
  }
  return check(message, signature);
}
