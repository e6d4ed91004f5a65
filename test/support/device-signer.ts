// A signer on a device that may be in trouble, as tests use it.

import { createPublicKey, verify } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenedSigner } from '../../src/trust/signer/open-signer.ts';
import { payloads } from '../contracts/signer.ts';

const payload = payloads.lease as Uint8Array;

/** Signs the lease of the contract. */
export function sign(signer: OpenedSigner): Promise<Uint8Array> {
  return signer.sign({ kind: 'lease', payload });
}

/** Whether an ES256 signature over it holds. */
export function holds(signer: OpenedSigner, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: { ...signer.key }, format: 'jwk' });
  return verify('sha256', payload, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** Signs as soon as it can be signed again. */
export async function signAgain(signer: OpenedSigner): Promise<Uint8Array> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await sign(signer);
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(50);
    }
  }
}
