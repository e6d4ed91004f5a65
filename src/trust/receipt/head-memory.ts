// What a signer tells of its memory of a log, so that nobody has to guess where it stands.

import type { Head } from '../verify/checkpoint.ts';

/** A signature that was given for a head. */
export interface HeadSignature {
  /** RFC 7638 thumbprint of the key. */
  readonly kid: string;
  readonly signature: Uint8Array;
}

/** The last head a signer let be signed; that of an empty log before the first. */
export interface SignedHead extends Head {
  /** Ordinal of the log among those of its home, from 1. */
  readonly epoch: number;
  /** Those given for this very head. A key that was asked and gave no answer is missing. */
  readonly signatures: readonly HeadSignature[];
  /** Leaf numbers, ascending, of leases the signer signed and has not seen proven in a head since. */
  readonly unproven: readonly number[];
  /** Hashes of those leaves, in the same order; absent when only their numbers are known. */
  readonly unprovenHashes?: readonly Uint8Array[];
  /**
   * Digest, hex, of a rotation of the log key that is signed and not in force: the first head under the new key has
   * to be shown to hold its receipt.
   */
  readonly rotation?: string;
}

/** Where a signer stands with a log. */
export interface HeadMemory {
  /**
   * Changes nothing, however often it is asked.
   *
   * @throws WarderError `unavailable` when the memory cannot be used.
   */
  last(): Promise<SignedHead>;
}
