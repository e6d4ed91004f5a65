// Showing that several leaves stand in a tree at once: what their inclusion proofs have in common is sent once.

import { hashNode } from './digest.ts';

/** A leaf and where it stands. */
export interface PlacedLeaf {
  readonly index: number;
  readonly hash: Uint8Array;
}

/**
 * Hashes of the largest subtrees without any of the leaves, from left to right. Of one leaf these are the
 * hashes of its inclusion proof (RFC 6962 section 2.1.1).
 *
 * @param indices ascending, each once, all below `size`.
 * @param range MTH(D[from:to]).
 */
export function proveLeaves(
  indices: readonly number[],
  size: number,
  range: (from: number, to: number) => Uint8Array,
): Uint8Array[] {
  const proof: Uint8Array[] = [];
  const walk = (from: number, to: number, first: number, end: number): void => {
    if (first === end) proof.push(range(from, to));
    if (first === end || to - from === 1) return;
    const middle = from + splitOf(to - from);
    let split = first;
    while (split < end && (indices[split] ?? 0) < middle) split += 1;
    walk(from, middle, first, split);
    walk(middle, to, split, end);
  };
  if (indices.length > 0) walk(0, size, 0, indices.length);
  return proof;
}

/**
 * The root that the leaves and the hashes of {@link proveLeaves} make; undefined when they do not belong
 * together.
 */
export function rootOfLeaves(
  leaves: readonly PlacedLeaf[],
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  let used = 0;
  const walk = (from: number, to: number, first: number, end: number): Uint8Array | undefined => {
    if (first === end) {
      used += 1;
      return proof[used - 1];
    }
    if (to - from === 1) return end - first === 1 ? leaves[first]?.hash : undefined;
    const middle = from + splitOf(to - from);
    let split = first;
    while (split < end && (leaves[split]?.index ?? 0) < middle) split += 1;
    const left = walk(from, middle, first, split);
    const right = left === undefined ? undefined : walk(middle, to, split, end);
    return left === undefined || right === undefined ? undefined : hashNode(left, right);
  };
  const ordered = leaves.every(({ index }, at) => index > (leaves[at - 1]?.index ?? -1));
  if (leaves.length === 0 || !ordered || (leaves.at(-1)?.index ?? size) >= size) return undefined;
  const root = walk(0, size, 0, leaves.length);
  return used === proof.length ? root : undefined;
}

/** Where a tree of that many leaves divides, RFC 6962 section 2.1: at the largest power of two below. */
export function splitOf(width: number): number {
  let split = 1;
  while (split * 2 < width) split *= 2;
  return split;
}
