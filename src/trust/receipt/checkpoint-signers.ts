// Which keys sign which head of a log: over its life there may be several, one after the other.

import type { Signer } from '../signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../verify/keys.ts';

/** The keys of a log. */
export interface CheckpointSigners {
  /**
   * Those whose lines a head of this size has.
   *
   * @throws WarderError `unavailable` when they sign no longer.
   */
  signersAt(size: number): readonly Signer[];
  /** Every key that ever signed a head, each with the heads it signed. */
  readonly trusted: TrustedKeys;
}

/** The same keys for every head: of a log without a home. */
export async function fixedSigners(...signers: readonly Signer[]): Promise<CheckpointSigners> {
  const jwks = { keys: signers.map(({ key }) => key) };
  const trusted = await loadKeys([JSON.stringify(jwks)], ['checkpoint']);
  return { signersAt: () => signers, trusted };
}
