// The memory an Extism guest shares with its host: blocks in one stretch of bytes, gone with the call.
//
// The SDK keeps an ArrayBuffer per block and splits each address with several BigInt operations; its
// block numbers run out after 32,767. One stretch needs one conversion per access, is bounded as a
// whole, and reuses what is freed.

import { GuestFailure, GuestOutOfMemory } from '../engine.ts';

/** Offset 0 means "no block"; the first block stands after it. */
const FIRST = 16;
const ALIGNMENT = 16;
const SMALLEST = 8192;
/** What a block costs the host besides its bytes. */
const BLOCK_COST = 64;

interface Block {
  readonly length: number;
  readonly capacity: number;
}

export class Arena {
  readonly #maxBytes: number;
  /** Bytes held elsewhere that count against the same bound. */
  besides = 0;
  #bytes = new Uint8Array(SMALLEST);
  #view = new DataView(this.#bytes.buffer);
  #top = FIRST;
  readonly #blocks = new Map<number, Block>();
  /** Offsets of freed blocks by capacity. */
  readonly #free = new Map<number, number[]>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes it takes in the host, at its highest. */
  get heldBytes(): number {
    return this.#top - FIRST + this.#blocks.size * BLOCK_COST;
  }

  /** @throws GuestOutOfMemory when the call may not have so much. */
  alloc(length: number): number {
    if (!(length >= 0)) throw new GuestFailure('trap: a block of negative length');
    const capacity = Math.max(ALIGNMENT, Math.ceil(length / ALIGNMENT) * ALIGNMENT);
    const reused = this.#free.get(capacity)?.pop();
    if (reused !== undefined) {
      this.#blocks.set(reused, { length, capacity });
      return reused;
    }
    if (!(this.heldBytes + this.besides + capacity + BLOCK_COST <= this.#maxBytes)) {
      throw new GuestOutOfMemory(`more than ${this.#maxBytes} bytes held in the host`);
    }
    const at = this.#top;
    this.#top += capacity;
    if (this.#top > this.#bytes.length) this.#grow();
    this.#blocks.set(at, { length, capacity });
    return at;
  }

  free(at: number): void {
    const block = this.#blocks.get(at);
    if (block === undefined) return;
    this.#blocks.delete(at);
    if (at + block.capacity === this.#top) {
      this.#top = at;
      return;
    }
    const list = this.#free.get(block.capacity);
    if (list === undefined) this.#free.set(block.capacity, [at]);
    else list.push(at);
  }

  /** Length of the block that begins at `at`; 0 when none does. */
  length(at: number): number {
    return this.#blocks.get(at)?.length ?? 0;
  }

  store(bytes: Uint8Array): number {
    const at = this.alloc(bytes.length);
    this.#bytes.set(bytes, at);
    return at;
  }

  /** A view of the block that begins at `at`, good until the next alloc. */
  block(at: number): Uint8Array | undefined {
    const block = this.#blocks.get(at);
    return block && this.#bytes.subarray(at, at + block.length);
  }

  loadU8(at: number): number {
    if (!(at >= 0 && at < this.#top)) throw outside();
    return this.#view.getUint8(at);
  }

  loadU64(at: number): bigint {
    if (!(at >= 0 && at + 8 <= this.#top)) throw outside();
    return this.#view.getBigUint64(at, true);
  }

  storeU8(at: number, value: number): void {
    if (!(at >= 0 && at < this.#top)) throw outside();
    this.#view.setUint8(at, value);
  }

  storeU64(at: number, value: bigint): void {
    if (!(at >= 0 && at + 8 <= this.#top)) throw outside();
    this.#view.setBigUint64(at, value, true);
  }

  #grow(): void {
    let size = this.#bytes.length;
    while (size < this.#top) size *= 2;
    const bytes = new Uint8Array(Math.max(this.#top, Math.min(size, this.#maxBytes)));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

function outside(): GuestFailure {
  return new GuestFailure('trap: an access outside of the shared memory');
}
