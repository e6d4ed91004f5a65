// A public key as PKCS#11 tells it: CKA_KEY_TYPE, CKA_EC_PARAMS, CKA_EC_POINT. Strict, since a device says it.

import { encodeBase64url } from '../../../base/encoding/base64url.ts';
import { decodeHex } from '../../../base/encoding/hex.ts';
import { makePublicJwk } from '../jwk.ts';
import type { Algorithm, PublicJwk } from '../signer.ts';
import type { KeyFacts } from './messages.ts';

/** How each algorithm's keys and signatures are called in PKCS#11. */
export interface Pkcs11Algorithm {
  /** CKK_EC or CKK_EC_EDWARDS. */
  readonly keyType: number;
  /** CKM_EC_KEY_PAIR_GEN or CKM_EC_EDWARDS_KEY_PAIR_GEN. */
  readonly generate: number;
  /** CKM_ECDSA or CKM_EDDSA. */
  readonly sign: number;
  /** CKA_EC_PARAMS, hex: the first makes keys, each is read. */
  readonly params: readonly string[];
  /** DER before the point when it comes as an OCTET STRING, hex, and with the bytes of a point inside. */
  readonly octetString: string;
}

/** Numbers where the packages have no names: PKCS #11 3.0, Edwards curves. */
export const PKCS11_ALGORITHMS: Readonly<Record<Algorithm, Pkcs11Algorithm>> = {
  ES256: {
    keyType: 0x03,
    generate: 0x1040,
    sign: 0x1041,
    params: ['06082a8648ce3d030107'],
    octetString: '0441',
  },
  ES384: {
    keyType: 0x03,
    generate: 0x1040,
    sign: 0x1041,
    params: ['06052b81040022'],
    octetString: '0461',
  },
  EdDSA: {
    keyType: 0x40,
    generate: 0x1055,
    sign: 0x1057,
    // PrintableString "edwards25519", or the object identifier of RFC 8410.
    params: ['130c656477617264733235353139', '06032b6570'],
    octetString: '0420',
  },
};

/**
 * The public key, or `undefined` when it is none of this algorithm. Points come wrapped in an OCTET STRING
 * or bare; only uncompressed ones are taken.
 */
export function publicKeyOf(
  alg: Algorithm,
  { keyType, params, point }: Pick<KeyFacts, 'keyType' | 'params' | 'point'>,
): PublicJwk | undefined {
  const known = PKCS11_ALGORITHMS[alg];
  if (keyType !== known.keyType || !known.params.includes(params)) return undefined;
  const length = 2 * Number.parseInt(known.octetString.slice(2), 16);
  const wrapped = point.length === length + 4 && point.startsWith(known.octetString);
  const bare = wrapped ? point.slice(4) : point;
  if (bare.length !== length) return undefined;
  if (alg === 'EdDSA') return makePublicJwk(alg, encode(bare));
  if (!bare.startsWith('04')) return undefined;
  const half = (length - 2) / 2;
  return makePublicJwk(alg, encode(bare.slice(2, 2 + half)), encode(bare.slice(2 + half)));
}

function encode(hex: string): string {
  return encodeBase64url(decodeHex(hex));
}
