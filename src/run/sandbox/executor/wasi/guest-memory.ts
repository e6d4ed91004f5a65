// A guest's linear memory seen from a WASI function: every address and length is hostile.

import { Errno, WasiError } from './errno.ts';

interface MemoryLike {
  readonly buffer: ArrayBuffer;
}

/** A stretch of guest memory from an iovec. */
export interface Vector {
  readonly at: number;
  readonly length: number;
}

/** Most iovecs of one call. */
const MAX_VECTORS = 1024;
/** What one call can move: it is counted in 32 bits. */
const MAX_TRANSFER = 0xffff_ffff;
const MAX_PATH = 4096;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class GuestMemory {
  readonly #memory: MemoryLike;
  #view: DataView;

  constructor(memory: MemoryLike) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer);
  }

  u8(at: number, value: number): void {
    this.#at(at, 1).setUint8(at >>> 0, value);
  }

  u16(at: number, value: number): void {
    this.#at(at, 2).setUint16(at >>> 0, value, true);
  }

  u32(at: number, value: number): void {
    this.#at(at, 4).setUint32(at >>> 0, value, true);
  }

  u64(at: number, value: bigint): void {
    this.#at(at, 8).setBigUint64(at >>> 0, value, true);
  }

  readU8(at: number): number {
    return this.#at(at, 1).getUint8(at >>> 0);
  }

  readU16(at: number): number {
    return this.#at(at, 2).getUint16(at >>> 0, true);
  }

  readU32(at: number): number {
    return this.#at(at, 4).getUint32(at >>> 0, true);
  }

  readU64(at: number): bigint {
    return this.#at(at, 8).getBigUint64(at >>> 0, true);
  }

  /** A view of the bytes, good until the guest runs again. */
  bytes(at: number, length: number): Uint8Array {
    this.#at(at, length >>> 0);
    return new Uint8Array(this.#view.buffer, at >>> 0, length >>> 0);
  }

  write(at: number, bytes: Uint8Array): void {
    this.bytes(at, bytes.length).set(bytes);
  }

  /** @throws WasiError `nametoolong`, or `ilseq` for what is not UTF-8. */
  path(at: number, length: number): string {
    const bytes = this.bytes(at, length);
    if (bytes.length > MAX_PATH) throw new WasiError(Errno.nametoolong);
    try {
      return decoder.decode(bytes);
    } catch {
      throw new WasiError(Errno.ilseq);
    }
  }

  /** The iovecs at `at`, each checked; all together have to be countable in 32 bits. */
  vectors(at: number, count: number): Vector[] {
    if (count >>> 0 > MAX_VECTORS) throw new WasiError(Errno.inval);
    const vectors: Vector[] = [];
    let total = 0;
    for (let index = 0; index < count >>> 0; index += 1) {
      const vector = {
        at: this.readU32((at >>> 0) + index * 8),
        length: this.readU32((at >>> 0) + index * 8 + 4),
      };
      this.#at(vector.at, vector.length);
      total += vector.length;
      vectors.push(vector);
    }
    if (total > MAX_TRANSFER) throw new WasiError(Errno.inval);
    return vectors;
  }

  /** Writes `values` as NUL-ended texts with a table of pointers, as args_get and environ_get do. */
  stringTable(values: readonly string[], table: number, buffer: number): void {
    let at = buffer >>> 0;
    for (const [index, value] of values.entries()) {
      const bytes = encoder.encode(`${value}\0`);
      this.u32((table >>> 0) + index * 4, at);
      this.write(at, bytes);
      at += bytes.length;
    }
  }

  /** Checks a stretch and gives the view, renewed when the memory has grown. */
  #at(at: number, length: number): DataView {
    if (this.#view.buffer !== this.#memory.buffer) this.#view = new DataView(this.#memory.buffer);
    if ((at >>> 0) + length > this.#view.byteLength) throw new WasiError(Errno.fault);
    return this.#view;
  }
}

/** Bytes of `values` as {@link GuestMemory.stringTable} writes them. */
export function stringTableBytes(values: readonly string[]): number {
  return values.reduce((total, value) => total + encoder.encode(value).length + 1, 0);
}
