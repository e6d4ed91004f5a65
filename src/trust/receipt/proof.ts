// Receipts as they are handed out: a tlog-proof with the leaf in it, checked before it leaves.

import { WarderError } from '../../base/errors/errors.ts';
import type { Store } from '../../base/store/store.ts';
import { hashLeaf, verifyInclusion } from '../verify/merkle.ts';
import { formatProof } from '../verify/proof.ts';
import type { Checkpointer } from './checkpointer.ts';
import { leafSequence, type ReceiptLog } from './receipt-log.ts';

/** What proofs are made from. */
export interface ProofParts {
  readonly store: Store;
  readonly log: ReceiptLog;
  readonly checkpointer: Checkpointer;
}

/**
 * The tlog-proof of a leaf. Waits for the checkpoint that covers it.
 *
 * @throws WarderError `not-found` when there is no such leaf; `unavailable` when it cannot be signed for
 *   now; `verification-failed` when store and signed log differ.
 */
export async function proofFor(parts: ProofParts, index: number): Promise<string> {
  const { store, log, checkpointer } = parts;
  const { note, size, root } = await checkpointer.covering(index);
  const leaf = store.read((reader) => reader.entry(leafSequence, index))?.bytes;
  if (leaf === undefined) throw new WarderError('not-found', `there is no leaf ${index}`);
  const prove = (): Uint8Array[] => {
    const hashes = log.tree.inclusion(index, size);
    verifyInclusion({ index, size, root, leafHash: hashLeaf(leaf), proof: hashes });
    return hashes;
  };
  let hashes: Uint8Array[];
  try {
    hashes = prove();
  } catch {
    // A damaged tile: make the proof from the leaves.
    log.distrustTiles();
    hashes = prove();
  }
  return formatProof({ extra: leaf, index, hashes, checkpoint: note });
}
