// Where Node is, its own verification: no thread hop per signature, which costs as much as parsing a lease.

import { nodeCrypto } from '../../base/encoding/node-crypto.ts';
import type { Algorithm } from './algorithm.ts';

const HASH: Readonly<Record<Algorithm, string | null>> = {
  ES256: 'sha256',
  ES384: 'sha384',
  EdDSA: null,
};

/** Says whether a raw signature over a message holds under one key. */
export type NativeVerify = (message: Uint8Array, signature: Uint8Array) => boolean;

/**
 * Node's verification under a key; undefined where there is no Node.
 *
 * @param spki DER of the public key.
 * @throws Error for a point that is not on the curve.
 */
export function nativeVerify(alg: Algorithm, spki: Uint8Array): NativeVerify | undefined {
  if (nodeCrypto === undefined) return undefined;
  const key = nodeCrypto.createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  const { verify } = nodeCrypto;
  return (message, signature) => verify(HASH[alg], message, options, signature);
}
