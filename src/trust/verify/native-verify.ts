// Where Node is, its own verification: no thread hop per signature, which costs as much as parsing a lease.

import type { Algorithm } from './algorithm.ts';

/** The part of node:crypto that is used. */
interface NativeCrypto {
  createPublicKey(key: {
    readonly key: Uint8Array;
    readonly format: 'der';
    readonly type: 'spki';
  }): object;
  verify(
    hash: string | null,
    message: Uint8Array,
    key: { readonly key: object; readonly dsaEncoding: 'ieee-p1363' },
    signature: Uint8Array,
  ): boolean;
}

const HASH: Readonly<Record<Algorithm, string | null>> = {
  ES256: 'sha256',
  ES384: 'sha384',
  EdDSA: null,
};

/** node:crypto; undefined in a browser. Asked for by name at run time, since this room has no Node. */
const native = (
  globalThis as {
    readonly process?: { getBuiltinModule?: (name: string) => NativeCrypto | undefined };
  }
).process?.getBuiltinModule?.('node:crypto');

/** Says whether a raw signature over a message holds under one key. */
export type NativeVerify = (message: Uint8Array, signature: Uint8Array) => boolean;

/**
 * Node's verification under a key; undefined where there is no Node.
 *
 * @param spki DER of the public key.
 * @throws Error for a point that is not on the curve.
 */
export function nativeVerify(alg: Algorithm, spki: Uint8Array): NativeVerify | undefined {
  if (native === undefined) return undefined;
  const key = native.createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  const { verify } = native;
  return (message, signature) => verify(HASH[alg], message, options, signature);
}
