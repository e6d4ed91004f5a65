// The tree over all durable leaves: right edge in memory, full tiles fetched, proofs made from both.

import { WarderError } from '../../base/errors/errors.ts';
import { HASH_SIZE } from '../verify/merkle.ts';
import { subtreeRoot, TILE_WIDTH, TileTree } from '../verify/tile-tree.ts';
import { hashLeaf, hashNode } from './digest.ts';
import { proveLeaves, splitOf } from './leaf-set.ts';

/** Where the tree gets what it does not hold. */
export interface TreeSource {
  /** Leaf bytes from `from` on, exactly `count` of them. */
  leaves(from: number, count: number): Uint8Array[];
  /** A full tile that was written before; undefined when it is missing or short. */
  tile(level: number, index: number): Uint8Array | undefined;
}

/** Levels in a tile: 2^8 hashes. */
const TILE_HEIGHT = 8;
/** Full tiles kept in memory, 8 KiB each. */
const KEPT_TILES = 16;

/** A growing Merkle tree that never reads the log again to grow. */
export class LogTree {
  readonly #source: TreeSource;
  readonly #tree: TileTree;
  readonly #kept = new Map<string, Uint8Array>();

  /** Opens the tree over the first `size` leaves: reads at most the last tile of each level. */
  constructor(source: TreeSource, size: number) {
    this.#source = source;
    const edges: Uint8Array[][] = [];
    for (let level = 0, span = 1; span <= size; level += 1, span *= TILE_WIDTH) {
      const end = Math.floor(size / span);
      const start = end - (end % TILE_WIDTH);
      const edge =
        level === 0
          ? source.leaves(start, end - start).map(hashLeaf)
          : Array.from({ length: end - start }, (_, at) => this.#tileRoot(level - 1, start + at));
      edges.push(edge);
    }
    const keep = (level: number, index: number, hashes: readonly Uint8Array[]): void =>
      this.#keep(level, index, Buffer.concat(hashes));
    this.#tree = new TileTree(keep, hashNode, size, edges);
  }

  get size(): number {
    return this.#tree.size;
  }

  push(leafHash: Uint8Array): void {
    this.#tree.push(leafHash);
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  /** Root of the first `size` leaves. */
  rootAt(size: number): Uint8Array {
    if (size === this.size) return this.root();
    return size === 0 ? new TileTree().root() : this.#range(0, size);
  }

  /** RFC 6962 section 2.1.1. @throws WarderError `not-found` when there is no such leaf. */
  inclusion(index: number, size: number): Uint8Array[] {
    if (index >= size || size > this.size) {
      throw new WarderError('not-found', `leaf ${index} is not among ${Math.min(size, this.size)}`);
    }
    const proof: Uint8Array[] = [];
    let [from, to] = [0, size];
    while (to - from > 1) {
      const middle = from + splitOf(to - from);
      proof.push(index < middle ? this.#range(middle, to) : this.#range(from, middle));
      [from, to] = index < middle ? [from, middle] : [middle, to];
    }
    return proof.toReversed();
  }

  /** That several leaves stand in the first `size`: what {@link rootOfLeaves} takes. */
  inclusionOf(indices: readonly number[], size: number): Uint8Array[] {
    if (size > this.size) throw new WarderError('not-found', `there are no ${size} leaves`);
    return proveLeaves(indices, size, (from, to) => this.#range(from, to));
  }

  /** RFC 6962 section 2.1.2, from `earlier` leaves to `size`. */
  consistency(earlier: number, size: number): Uint8Array[] {
    if (earlier > size || size > this.size) {
      throw new WarderError('not-found', `there is no proof from ${earlier} to ${size} leaves`);
    }
    if (earlier === 0 || earlier === size) return [];
    const proof: Uint8Array[] = [];
    let [from, to] = [0, size];
    while (to !== earlier) {
      const middle = from + splitOf(to - from);
      if (earlier <= middle) {
        proof.push(this.#range(middle, to));
        to = middle;
      } else {
        proof.push(this.#range(from, middle));
        from = middle;
      }
    }
    // The earlier tree itself need not be sent when it is one node of the later one.
    if (from > 0) proof.push(this.#range(from, to));
    return proof.toReversed();
  }

  /**
   * Hashes of the tile at the right edge of a tree of `size`, or of a full one, as bytes.
   *
   * @param leaves what stands in a tile of level 0, for who has read it anyway.
   */
  tile(level: number, index: number, width: number, leaves?: readonly Uint8Array[]): Uint8Array {
    const from = index * TILE_WIDTH;
    if (width === TILE_WIDTH) return this.#fullTile(level, index, leaves);
    if (index === this.#edgeIndex(level)) {
      return Buffer.concat(this.#tree.edge(level).slice(0, width));
    }
    const hashes = Array.from({ length: width }, (_, at) => this.#hash(level, from + at));
    return Buffer.concat(hashes);
  }

  /** MTH(D[from:to]), RFC 6962 section 2.1; `from` is a multiple of the largest power of two within. */
  #range(from: number, to: number): Uint8Array {
    const width = to - from;
    const split = splitOf(width);
    if (width === 1 || split * 2 === width) return this.#node(Math.log2(width), from / width);
    return hashNode(this.#node(Math.log2(split), from / split), this.#range(from + split, to));
  }

  /** The complete subtree number `index` of 2^`height` leaves. */
  #node(height: number, index: number): Uint8Array {
    const level = Math.floor(height / TILE_HEIGHT);
    const width = 2 ** (height % TILE_HEIGHT);
    const hashes = Array.from({ length: width }, (_, at) => this.#hash(level, index * width + at));
    return subtreeRoot(hashes, hashNode);
  }

  /** Hash number `at` of a tile level. */
  #hash(level: number, at: number): Uint8Array {
    const tile = Math.floor(at / TILE_WIDTH);
    const within = at % TILE_WIDTH;
    if (tile === this.#edgeIndex(level)) {
      const hash = this.#tree.edge(level)[within];
      if (hash !== undefined) return hash;
    }
    const bytes = this.#fullTile(level, tile);
    return bytes.subarray(within * HASH_SIZE, (within + 1) * HASH_SIZE);
  }

  #edgeIndex(level: number): number {
    return Math.floor(this.size / TILE_WIDTH ** (level + 1));
  }

  #tileRoot(level: number, index: number): Uint8Array {
    const bytes = this.#fullTile(level, index);
    const hashes = Array.from({ length: TILE_WIDTH }, (_, at) =>
      bytes.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE),
    );
    return subtreeRoot(hashes, hashNode);
  }

  #fullTile(level: number, index: number, leaves?: readonly Uint8Array[]): Uint8Array {
    const key = `${level}/${index}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      // Last used, last dropped.
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const bytes = this.#source.tile(level, index) ?? this.#recompute(level, index, leaves);
    this.#keep(level, index, bytes);
    return bytes;
  }

  #recompute(level: number, index: number, read?: readonly Uint8Array[]): Uint8Array {
    const from = index * TILE_WIDTH;
    if (level === 0) {
      const leaves = read ?? this.#source.leaves(from, TILE_WIDTH);
      return Buffer.concat(leaves.map(hashLeaf));
    }
    const roots = Array.from({ length: TILE_WIDTH }, (_, at) =>
      this.#tileRoot(level - 1, from + at),
    );
    return Buffer.concat(roots);
  }

  #keep(level: number, index: number, bytes: Uint8Array): void {
    this.#kept.set(`${level}/${index}`, bytes);
    if (this.#kept.size <= KEPT_TILES) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}
