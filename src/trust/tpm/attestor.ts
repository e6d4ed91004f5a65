// What a TPM can say about a key it holds, and what it says.

import type { Credential } from './make-credential.ts';

/** Asks the TPM that holds one key. */
export interface TpmAttestor {
  /**
   * Statements about the key and the platform, made now.
   *
   * @param nonce 16 to 64 bytes that both statements are bound to.
   * @throws WarderError `unavailable`, also where the TPM has no EK certificate.
   */
  attest(nonce: Uint8Array): Promise<TpmEvidence>;
  /**
   * Opens a credential made for this TPM's EK and for the AK of {@link attest}.
   *
   * @returns the secret in it.
   * @throws WarderError `not-trusted` when it was made for another EK or AK; `unavailable`.
   */
  activate(credential: Credential): Promise<Uint8Array>;
}

/** A statement and the AK's signature: TPMS_ATTEST and TPMT_SIGNATURE. */
export interface SignedStatement {
  readonly statement: Uint8Array;
  readonly signature: Uint8Array;
}

/** Everything a verifier without a TPM needs. Public areas are TPM2B_PUBLIC. */
export interface TpmEvidence {
  readonly ek: {
    /** DER. */
    readonly certificate: Uint8Array;
    /** DER, as far as the TPM keeps them. */
    readonly intermediates: readonly Uint8Array[];
    readonly public: Uint8Array;
  };
  readonly ak: Uint8Array;
  readonly key: Uint8Array;
  /** Registers the key's policy wants unchanged; absent without such a policy. */
  readonly policyPcrs?: readonly number[];
  /** TPM2_Certify of the key. */
  readonly certify: SignedStatement;
  /** TPM2_Quote, and the values of the registers by number. */
  readonly quote: SignedStatement & { readonly pcrs: ReadonlyMap<number, Uint8Array> };
}
