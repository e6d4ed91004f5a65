// Verifying a receipt offline: from the text somebody hands over to what may be believed.

import { encodeHex } from '../../base/encoding/hex.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { type Requirement, verifyCheckpoint } from './checkpoint.ts';
import type { Cosignature } from './cosignature.ts';
import type { TrustedKeys } from './keys.ts';
import { parseLeaf, type ReceiptStatement } from './leaf.ts';
import { hashLeaf, verifyInclusion } from './merkle.ts';
import { parseProof, type TlogProof } from './proof.ts';

/** What a verified receipt says, and where it stands. */
export interface VerifiedReceipt {
  readonly id: string;
  /** The log. */
  readonly origin: string;
  /** The leaf's number in the log. */
  readonly index: number;
  /** Leaves the checkpoint covers. */
  readonly treeSize: number;
  /** Hex. */
  readonly root: string;
  /** Hex. */
  readonly leafHash: string;
  /** `ALG kid` of each key whose signature was verified. */
  readonly signedBy: readonly string[];
  /** What the given witnesses state: each had seen this head by then. */
  readonly cosignedBy: readonly Cosignature[];
  readonly statement: ReceiptStatement;
}

/**
 * Verifies a receipt (a C2SP tlog-proof with the leaf in `extra`) with nothing but the keys.
 *
 * @throws WarderError `malformed` when the text does not parse; `verification-failed` when a signature
 *   or the inclusion proof does not hold; `not-trusted` when a required key did not sign,
 *   or too few witnesses did.
 */
export async function verifyReceipt(
  proofText: string,
  keys: TrustedKeys,
  requirement: Requirement = {},
): Promise<VerifiedReceipt> {
  const proof = parseProof(proofText);
  const leaf = leafIn(proof);
  const leafHash = hashLeaf(leaf);
  const checkpoint = await verifyCheckpoint(proof.checkpoint, keys, requirement);
  const { size, root } = checkpoint;
  verifyInclusion({ index: proof.index, size, leafHash, root, proof: proof.hashes });
  const statement = parseLeaf(leaf);

  return {
    id: statement.predicate.id,
    origin: checkpoint.origin,
    index: proof.index,
    treeSize: size,
    root: encodeHex(root),
    leafHash: encodeHex(leafHash),
    signedBy: checkpoint.signedBy.map(({ alg, kid }) => `${alg} ${kid}`),
    cosignedBy: checkpoint.cosignedBy,
    statement,
  };
}

/** `extra` is no part of what is signed: it is only ever hashed as the leaf first. */
function leafIn(proof: TlogProof): Uint8Array {
  if (proof.extra !== undefined) return proof.extra;
  throw new WarderError('malformed', 'the proof does not carry its leaf', {
    hint: 'a receipt has the leaf in its `extra` line',
  });
}
