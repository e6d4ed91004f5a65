// RFC 6962 Merkle trees with SHA-256: hashing, and checking of inclusion and consistency proofs.

import { sameBytes, sha256 } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Bytes of every hash in the tree. */
export const HASH_SIZE = 32;

/** Hash of a leaf's bytes (RFC 6962 section 2.1). */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  return sha256(LEAF, leaf);
}

/** Hash of an inner node. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

/** Root of the tree without leaves. */
export function emptyRoot(): Uint8Array {
  return sha256();
}

/** That a leaf stands at `index` in the tree of `size` leaves with root `root`. */
export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly root: Uint8Array;
  /** From the leaf's sibling up to the root's child. */
  readonly proof: readonly Uint8Array[];
}

/** @throws WarderError `verification-failed` when the proof does not show it (RFC 9162 section 2.1.3.2). */
export function verifyInclusion(claim: InclusionClaim): void {
  const { index, size, leafHash, root, proof } = claim;
  if (!isSize(index) || !isSize(size) || index >= size) fail('there is no such leaf in the tree');
  checkHashes([leafHash, root, ...proof]);
  let at = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) fail('the inclusion proof is too long');
    if (isOdd(at) || at === last) {
      hash = hashNode(sibling, hash);
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      hash = hashNode(hash, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0) fail('the inclusion proof is too short');
  if (!sameBytes(hash, root)) fail('the leaf is not in the tree');
}

/** That the tree of `size` leaves begins with all leaves of the tree of `earlierSize`. */
export interface ConsistencyClaim {
  readonly earlierSize: number;
  readonly earlierRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * The empty tree is consistent with every tree, by the empty proof.
 *
 * @throws WarderError `verification-failed` when the proof does not show it (RFC 9162 section 2.1.4.2).
 */
export function verifyConsistency(claim: ConsistencyClaim): void {
  const { earlierSize, earlierRoot, size, root, proof } = claim;
  if (!isSize(earlierSize) || !isSize(size)) fail('a tree size is not a whole number');
  if (earlierSize > size) fail('the later tree is smaller than the earlier one');
  if (earlierSize === size || earlierSize === 0) {
    if (proof.length > 0) fail('the consistency proof is too long');
    if (earlierSize === size && !sameBytes(earlierRoot, root)) fail('the log was forked');
    // What stands for an empty tree must be the empty tree's root.
    if (earlierSize === 0 && !sameBytes(earlierRoot, emptyRoot())) fail('the log was forked');
    if (size > earlierSize) checkHashes([root]);
    return;
  }
  checkHashes([earlierRoot, root, ...proof]);
  let at = earlierSize - 1;
  let last = size - 1;
  while (isOdd(at)) [at, last] = [half(at), half(last)];
  // A power of two is itself a node of the later tree: its root is the first hash.
  const path = at === 0 ? [earlierRoot, ...proof] : [...proof];
  let [before] = path;
  if (before === undefined) fail('the consistency proof is too short');
  let after = before;
  for (const hash of path.slice(1)) {
    if (last === 0) fail('the consistency proof is too long');
    if (isOdd(at) || at === last) {
      before = hashNode(hash, before);
      after = hashNode(hash, after);
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      after = hashNode(after, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0) fail('the consistency proof is too short');
  if (!sameBytes(before, earlierRoot) || !sameBytes(after, root)) fail('the log was forked');
}

/** Whether a number can be a tree size or an index; beyond 2^31, so no bit operators here. */
function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.some((hash) => hash.length !== HASH_SIZE)) fail('a hash has the wrong length');
}

function fail(why: string): never {
  throw new WarderError('verification-failed', why, {
    hint: 'do not rely on this evidence; fetch it again and compare',
  });
}
