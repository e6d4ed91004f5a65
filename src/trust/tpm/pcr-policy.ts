// Policies that bind a key to platform registers (Part 3, sections 23.7 and 23.17), as digests.

import { createHash } from 'node:crypto';
import { formatSelection, type PcrSelection } from './attest-structures.ts';
import { DIGEST_SIZE } from './key-derivation.ts';
import type { TpmHash } from './public-area.ts';
import { u32 } from './tpm-writer.ts';

/** TPM_CC_PolicyPCR and TPM_CC_PolicyAuthValue; PolicyPassword extends the digest by the latter, too. */
const POLICY_PCR = 0x0000_017f;
const POLICY_AUTH_VALUE = 0x0000_016b;

/**
 * The `authPolicy` of a key that signs only while registers hold these values.
 *
 * @param hash the digest algorithm of the key's Name, which its policy sessions have, too.
 * @param values of the selected registers, in the order of their numbers.
 * @param withAuth whether the key's auth value is wanted besides.
 */
export function pcrPolicyDigest(
  hash: TpmHash,
  selection: PcrSelection,
  values: readonly Uint8Array[],
  withAuth: boolean,
): Uint8Array<ArrayBuffer> {
  const pcrDigest = createHash(hash);
  for (const value of values) pcrDigest.update(value);
  let policy = createHash(hash)
    .update(new Uint8Array(DIGEST_SIZE[hash]))
    .update(u32(POLICY_PCR))
    .update(formatSelection(selection))
    .update(pcrDigest.digest())
    .digest();
  if (withAuth) policy = createHash(hash).update(policy).update(u32(POLICY_AUTH_VALUE)).digest();
  return Uint8Array.from(policy);
}
