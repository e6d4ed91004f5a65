// KDFa and KDFe (Part 1, section 11.4.10): how a TPM makes keys out of a secret and what the key is for.

import { createHash, createHmac } from 'node:crypto';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import type { TpmHash } from './public-area.ts';
import { joined, u32 } from './tpm-writer.ts';

/** Bytes of a digest. */
export const DIGEST_SIZE: Readonly<Record<TpmHash, number>> = { sha256: 32, sha384: 48 };

/**
 * KDFa: HMAC in counter mode (SP 800-108).
 *
 * @param label what the key is for, e.g. `STORAGE`; without its final zero byte.
 * @param bits length of the key, a multiple of eight.
 */
export function kdfa(
  hash: TpmHash,
  secret: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  bits: number,
): Uint8Array<ArrayBuffer> {
  return blocks(hash, bits, (counter) =>
    createHmac(hash, secret)
      .update(u32(counter))
      .update(zeroEnded(label))
      .update(contextU)
      .update(contextV)
      .update(u32(bits))
      .digest(),
  );
}

/**
 * KDFe: digests in counter mode (SP 800-56A) over the x coordinate two parties share.
 *
 * @param partyU x coordinate of the ephemeral key.
 * @param partyV x coordinate of the static key.
 */
export function kdfe(
  hash: TpmHash,
  shared: Uint8Array,
  label: string,
  partyU: Uint8Array,
  partyV: Uint8Array,
  bits: number,
): Uint8Array<ArrayBuffer> {
  return blocks(hash, bits, (counter) =>
    createHash(hash)
      .update(u32(counter))
      .update(shared)
      .update(zeroEnded(label))
      .update(partyU)
      .update(partyV)
      .digest(),
  );
}

/** A label as it is hashed. */
export function zeroEnded(label: string): Uint8Array<ArrayBuffer> {
  return encodeUtf8(`${label}\0`);
}

function blocks(
  hash: TpmHash,
  bits: number,
  block: (counter: number) => Uint8Array,
): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(bits / 8 / DIGEST_SIZE[hash]);
  const whole = joined(...Array.from({ length: count }, (_, at) => block(at + 1)));
  return whole.slice(0, bits / 8);
}
