// What shows a signer that a head goes on from the last one, and holds the leaves of the leases it signed.

import { sameBytes } from '../../base/encoding/sha256.ts';
import type { Head } from '../verify/checkpoint.ts';
import { verifyConsistency } from '../verify/merkle.ts';
import type { SignedHead } from './head-memory.ts';
import { rootOfLeaves } from './leaf-set.ts';
import type { ReceiptLog } from './receipt-log.ts';

/** The proofs of one head. */
export interface Growth {
  /** Consistency proof from the last head. */
  readonly proof: readonly Uint8Array[];
  /** Leaves that are shown, and what shows it: `proveLeaves`. */
  readonly shown: { readonly leases: readonly number[]; readonly proof: readonly Uint8Array[] };
}

/** Makes the proofs from the tiles, or from the leaves where a tile turns out to be damaged. */
export function proveGrowth(log: ReceiptLog, last: SignedHead, head: Head): Growth {
  const prove = (): Growth => {
    const leases = last.unproven.filter((index) => index < head.size);
    const proof = log.tree.consistency(last.size, head.size);
    return { proof, shown: { leases, proof: log.tree.inclusionOf(leases, head.size) } };
  };
  const growth = prove();
  if (holds(growth, last, head)) return growth;
  log.distrustTiles();
  return prove();
}

function holds({ proof, shown }: Growth, last: SignedHead, head: Head): boolean {
  try {
    const { size, root } = head;
    verifyConsistency({ earlierSize: last.size, earlierRoot: last.root, size, root, proof });
  } catch {
    return false;
  }
  const { unproven, unprovenHashes: hashes } = last;
  if (hashes === undefined || shown.leases.length === 0) return true;
  const leaves = unproven.flatMap((index, at) => {
    const hash = hashes[at];
    return index < head.size && hash !== undefined ? [{ index, hash }] : [];
  });
  const root = rootOfLeaves(leaves, head.size, shown.proof);
  return root !== undefined && sameBytes(root, head.root);
}
