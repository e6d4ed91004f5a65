// A key as operators see it: what it signs, where it is, and what says that nobody has a copy.

import type { CustodyWorth } from '../../trust/attest/custody-worth.ts';
import type { KeyState } from '../../trust/keyring/key-document.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';

export interface KeySummary {
  /** `former`: a signing key before the one of now. */
  readonly name: 'signing' | 'former' | 'log';
  readonly state: KeyState;
  readonly uri: string;
  readonly jwk: PublicJwk;
  readonly vkey: string;
  readonly roles: readonly string[];
  readonly custody: string;
  /** Sizes of the heads it signs, both inclusive. */
  readonly heads: { readonly from: number; readonly to?: number };
  /** ISO 8601. */
  readonly since?: string;
  /** ISO 8601: until then leases count that it signed before it was rotated. */
  readonly graceUntil?: string;
  /** Of a key that signs now: what its device says, and what that is worth. */
  readonly proof?: KeyProof;
}

/** Why a private key should have no copy. */
export interface KeyProof extends CustodyWorth {
  readonly backend: string;
  /** The level that all of it is worth no more than. */
  readonly assurance: string;
  /** Nobody signed them. */
  readonly claims: Readonly<Record<string, string | number | boolean>>;
}
