// The keys warder uses in `_meta`.

export const metaKeys = {
  /** On answers: `{id, index, leafHash}` of the receipt. */
  receipt: 'warder/receipt',
  /** On requests: seconds the answer may wait for the proof of its receipt. */
  waitProof: 'warder/wait-proof',
  /** On answers that waited: the tlog-proof of the receipt. */
  receiptProof: 'warder/receipt-proof',
  /** On answers that waited in vain: why there is no proof yet. */
  receiptProofError: 'warder/receipt-proof-error',
  /** On results of tools: where they come from, and that nobody vouches for them. */
  provenance: 'warder/provenance',
  /** On refusals: `{code, message, hint, data}`. */
  error: 'warder/error',
  /** On requests and approval-required answers: the approval's id. */
  approval: 'warder/approval',
  /** On requests: the lease token; never passed on. */
  lease: 'x-lease-token',
  /** On requests: the proof of possession for this one call; never passed on. */
  proof: 'warder/proof',
  /** On requests: a JWT of a configured issuer, which says who the caller is; never passed on. */
  identity: 'warder/identity',
  /** On tools of a list: digest of the package, for proofs. */
  digest: 'warder/digest',
  /** On answers to calls with a proof: the nonce for the next one. */
  nonce: 'warder/nonce',
} as const;
