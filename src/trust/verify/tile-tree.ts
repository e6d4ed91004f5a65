// A growing RFC 6962 tree kept as C2SP tlog-tiles keep it: per level at most 255 hashes, full tiles handed on.

import { emptyRoot, hashNode } from './merkle.ts';

/** Hashes in a full tile. */
export const TILE_WIDTH = 256;

/** Joins two nodes; rooms with a faster SHA-256 hand theirs in. */
export type HashNode = (left: Uint8Array, right: Uint8Array) => Uint8Array;

/** Told of each tile when it becomes full. */
export type OnFullTile = (level: number, index: number, hashes: readonly Uint8Array[]) => void;

/** The right edge of a tree, enough to grow it and to know its root. */
export class TileTree {
  /** Hashes of the partial tile of each level. */
  readonly #edges: Uint8Array[][];
  readonly #hashNode: HashNode;
  readonly #onFull: OnFullTile;
  #size: number;

  /** @param edges the partial tiles of a tree of `size` leaves, from level 0 up. */
  constructor(
    onFull: OnFullTile = () => {},
    join: HashNode = hashNode,
    size = 0,
    edges: readonly (readonly Uint8Array[])[] = [],
  ) {
    this.#onFull = onFull;
    this.#hashNode = join;
    this.#size = size;
    this.#edges = edges.map((edge) => [...edge]);
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Hashes of the partial tile at `level`, left to right; none when it is empty. */
  edge(level: number): readonly Uint8Array[] {
    return this.#edges[level] ?? [];
  }

  /** Levels that have or had a hash. */
  get levels(): number {
    return this.#edges.length;
  }

  /** Adds a leaf by its hash. */
  push(leafHash: Uint8Array): void {
    this.#size += 1;
    let hash = leafHash;
    let span = TILE_WIDTH;
    for (let level = 0; ; level += 1) {
      const edge = (this.#edges[level] ??= []);
      edge.push(hash);
      if (edge.length < TILE_WIDTH) return;
      this.#edges[level] = [];
      this.#onFull(level, this.#size / span - 1, edge);
      hash = subtreeRoot(edge, this.#hashNode);
      span *= TILE_WIDTH;
    }
  }

  /** Root hash of the whole tree. */
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const edge of this.#edges) {
      if (edge.length === 0) continue;
      // What lies below is one more, incomplete, subtree on the right.
      root = subtreeRoot(root === undefined ? edge : [...edge, root], this.#hashNode);
    }
    return root ?? emptyRoot();
  }
}

/**
 * RFC 6962 root over node hashes, left to right. All but the last stand for complete subtrees of one
 * size, the last for at most as many leaves.
 */
export function subtreeRoot(hashes: readonly Uint8Array[], join: HashNode): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const next: Uint8Array[] = [];
    for (let at = 0; at < row.length; at += 2) {
      const left = row[at] as Uint8Array;
      const right = row[at + 1];
      next.push(right === undefined ? left : join(left, right));
    }
    row = next;
  }
  const [root] = row;
  if (root === undefined) throw new RangeError('a subtree has at least one hash');
  return root;
}
