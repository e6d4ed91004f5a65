// A signer whose key lives as long as the process: for tests and for embedding without a home.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import {
  type BackEndKey,
  checkedSigner,
  type OpenedSigner,
  type SignerRules,
} from '../checked-signer.ts';
import { ALGORITHMS, makePublicJwk } from '../jwk.ts';
import type { Algorithm } from '../signer.ts';

/** On another thread: the event loop has other calls to serve meanwhile. */
const signAside = promisify(sign);

/** Makes a fresh key of the given algorithm. Nothing of it is kept anywhere. */
export function openMemorySigner(alg: Algorithm, rules: SignerRules): OpenedSigner {
  return checkedSigner(memoryKey(alg), rules);
}

/** The bare key behind {@link openMemorySigner}. */
export function memoryKey(alg: Algorithm): BackEndKey {
  const { crv, hash } = ALGORITHMS[alg];
  const pair: { publicKey: KeyObject; privateKey: KeyObject } =
    crv === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: crv });
  const { x, y } = pair.publicKey.export({ format: 'jwk' });
  return {
    key: makePublicJwk(alg, x, y),
    custody: { backend: 'memory', summary: 'lives in this process only' },
    ready: () => Promise.resolve(),
    sign: (payload) =>
      signAside(hash, payload, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
    close: () => Promise.resolve(),
  };
}
