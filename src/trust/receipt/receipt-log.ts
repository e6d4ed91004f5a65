// The receipt log: leaves in the store are the truth, the tree over them follows after each commit.

import { WarderError } from '../../base/errors/errors.ts';
import type { Sequence, Store, Tx } from '../../base/store/store.ts';
import type { Head } from '../verify/checkpoint.ts';
import { buildLeaf } from './build-leaf.ts';
import { hashLeaf } from './digest.ts';
import type { ReceiptFacts } from './leaf.ts';
import { LogTree } from './log-tree.ts';
import { openingTable } from './openings.ts';

/** Every leaf; entry numbers are leaf numbers. */
export const leafSequence: Sequence = {
  name: 'leaf',
  facets: ['type', 'tool', 'outcome', 'principal', 'lease', 'task', 'approval'],
};

/** Where a receipt stands. */
export interface ReceiptRef {
  readonly id: string;
  readonly index: number;
  /** RFC 6962 leaf hash, hex. */
  readonly leafHash: string;
}

/** What the log is made of. */
export interface ReceiptLogParts {
  readonly store: Store;
  /** The log's name, `warder.invalid/log/…`. */
  readonly origin: string;
  readonly random: (bytes: number) => Uint8Array;
  /** Full hash tiles written earlier; without them tiles are computed from leaves. */
  readonly tiles?: WrittenTiles;
}

/** Tiles derived earlier. They are only ever a short cut. */
export interface WrittenTiles {
  readFull(level: number, index: number): Uint8Array | undefined;
  /**
   * What is written turned out wrong: from that level up none of it is read again before it was written or
   * compared anew.
   */
  forget(level: number): void;
}

/**
 * The log. There must be one per store: hashes of leaves that are appended but not yet durable are
 * known to the instance that appended them.
 */
export class ReceiptLog {
  readonly origin: string;
  readonly #store: Store;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #tiles: WrittenTiles | undefined;
  #tree: LogTree;
  /** Hashes of leaves handed to the store; one of a rolled-back leaf is overwritten by its successor. */
  readonly #pending = new Map<number, Uint8Array>();
  readonly #listeners = new Set<() => void>();
  #watching = false;

  /** Opens the log and its tree. @throws WarderError `unavailable` when the store cannot be read. */
  constructor({ store, origin, random, tiles }: ReceiptLogParts) {
    this.origin = origin;
    this.#store = store;
    this.#random = random;
    this.#tiles = tiles;
    const size = store.read((reader) => reader.length(leafSequence));
    this.#tree = this.#openTree(size, tiles);
  }

  /**
   * Builds the leaf of `facts` and appends it in the caller's transaction. The receipt exists when
   * that transaction is durable.
   */
  append(tx: Tx, facts: ReceiptFacts): ReceiptRef {
    const { bytes, openings } = buildLeaf(facts, this.#random);
    const { id, tenant, time, type, tool, outcome, principal, lease, task, approval } = facts;
    const index = tx.append(leafSequence, tenant, {
      id,
      bytes,
      time,
      facets: { type, tool, outcome, principal, lease, task, approval },
    });
    if (Object.keys(openings.fields).length + openings.effects.length > 0) {
      tx.insert(openingTable, tenant, id, openings);
    }
    const leafHash = hashLeaf(bytes);
    this.#pending.set(index, leafHash);
    this.#watch();
    return { id, index, leafHash: Buffer.from(leafHash).toString('hex') };
  }

  /** Head of the tree over all durable leaves, unsigned. */
  head(): Head {
    this.committed();
    return { origin: this.origin, size: this.#tree.size, root: this.#tree.root() };
  }

  /** Number of durable leaves. */
  get size(): number {
    this.committed();
    return this.#tree.size;
  }

  /** The tree, for proofs and tiles over durable leaves. */
  get tree(): LogTree {
    return this.#tree;
  }

  /** Tells `listener` whenever leaves became durable. Returns the way to stop. */
  onGrowth(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes in what became durable. Called by itself after each group of commits; a store that answers
   * later than the event-loop turn of its flush calls it when it does.
   */
  committed(): void {
    const durable = this.#store.read((reader) => reader.length(leafSequence));
    const before = this.#tree.size;
    if (durable === before) return;
    if (durable < before) {
      throw new WarderError('unavailable', `the store lost leaves: ${before} became ${durable}`, {
        hint: 'stop the daemon and restore a backup of the store',
      });
    }
    for (let index = before; index < durable; index += 1) {
      const pending = this.#pending.get(index);
      this.#pending.delete(index);
      this.#tree.push(pending ?? hashLeaf(this.#leaf(index)));
    }
    for (const listener of this.#listeners) listener();
  }

  /**
   * Bytes of durable leaves.
   *
   * @throws WarderError `unavailable` when they are not all there.
   */
  leaves(from: number, count: number): Uint8Array[] {
    const leaves = this.#store.read((reader) => reader.bytes(leafSequence, from, count));
    if (leaves.length !== count) {
      throw new WarderError('unavailable', `leaves ${from} to ${from + count} are not all there`, {
        hint: 'the store is damaged: restore a backup',
      });
    }
    return leaves;
  }

  /**
   * A receipt's leaf, once it is durable.
   *
   * @throws WarderError `unavailable` when it is not there.
   */
  durable({ index }: ReceiptRef): { readonly index: number; readonly leaf: Uint8Array } {
    return { index, leaf: this.#leaf(index) };
  }

  /**
   * Makes the tree again without the tiles from that level up, from the leaves alone at level 0: a written tile
   * did not fit the signed root.
   */
  distrustTiles(level = 0): void {
    this.#tiles?.forget(level);
    this.#tree = this.#openTree(this.#tree.size, this.#tiles);
  }

  #leaf(index: number): Uint8Array {
    return this.leaves(index, 1)[0] as Uint8Array;
  }

  /** A store flushes a whole group in one turn, so what follows that turn sees the group durable. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    queueMicrotask(() => {
      this.#watching = false;
      try {
        this.committed();
      } catch {
        // The store is closed or gone; whoever uses the log next is told so.
      }
    });
  }

  #openTree(size: number, tiles: WrittenTiles | undefined): LogTree {
    return new LogTree(
      {
        tile: (level, index) => tiles?.readFull(level, index),
        leaves: (from, count) => this.leaves(from, count),
      },
      size,
    );
  }
}
