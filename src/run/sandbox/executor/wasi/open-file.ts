// An open regular file. Reading goes through a window read ahead; writing changes a whole copy that
// reaches the disk, atomically, when the file is synchronised or closed.

import type { GuestHost } from '../engine.ts';
import { Errno, WasiError } from './errno.ts';
import { read, write } from './host-files.ts';

/** Bytes fetched at once: fewer host calls for small reads. */
const WINDOW = 256 * 1024;
/** Largest file that can be written. */
const MAX_WRITTEN = 16 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

export class OpenFile {
  readonly path: string;
  readonly writable: boolean;
  readonly #host: GuestHost;
  #size: number;
  #windowAt = 0;
  #window: Uint8Array = new Uint8Array(0);
  /** Where the file ended when a read came back short. */
  #endAt = Number.POSITIVE_INFINITY;
  /** The whole file, once it is written to. */
  #copy: Uint8Array | undefined;
  #dirty = false;
  offset = 0;
  append = false;

  constructor(host: GuestHost, path: string, size: number, writable: boolean) {
    this.#host = host;
    this.path = path;
    this.#size = size;
    this.writable = writable;
  }

  get size(): number {
    return this.#size;
  }

  /** A file that is new, or emptied, although nothing is written to it. */
  truncate(): void {
    this.#copy = new Uint8Array(0);
    this.#size = 0;
    this.#dirty = true;
  }

  /** Fills `into` as far as the file goes; gives the count. */
  readAt(into: Uint8Array, offset: number): number {
    let done = 0;
    while (done < into.length) {
      const part = this.#at(offset + done, into.length - done);
      if (part.length === 0) break;
      into.set(part, done);
      done += part.length;
    }
    return done;
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    if (!this.writable) throw new WasiError(Errno.badf);
    const end = offset + bytes.length;
    if (end > MAX_WRITTEN) throw new WasiError(Errno.fbig);
    const copy = this.#wholeCopy(Math.max(end, this.#size));
    copy.set(bytes, offset);
    this.#size = Math.max(end, this.#size);
    this.#dirty = true;
  }

  resize(size: number): void {
    if (!this.writable) throw new WasiError(Errno.badf);
    if (size > MAX_WRITTEN) throw new WasiError(Errno.fbig);
    this.#wholeCopy(size).fill(0, Math.min(size, this.#size));
    this.#size = size;
    this.#dirty = true;
  }

  /** Hands what was written to the daemon. */
  flush(): void {
    if (!this.#dirty || this.#copy === undefined) return;
    write(this.#host, this.path, this.#copy.subarray(0, this.#size));
    this.#dirty = false;
  }

  /** Some bytes at `offset`, `wanted` at most; none at the end. */
  #at(offset: number, wanted: number): Uint8Array {
    if (this.#copy !== undefined) {
      return this.#copy.subarray(offset, Math.min(this.#size, offset + wanted));
    }
    let start = offset - this.#windowAt;
    if (start < 0 || start >= this.#window.length) {
      if (offset >= this.#endAt) return NOTHING;
      this.#window = read(this.#host, this.path, offset, WINDOW);
      this.#windowAt = offset;
      if (this.#window.length < WINDOW) this.#endAt = offset + this.#window.length;
      start = 0;
    }
    return this.#window.subarray(start, start + wanted);
  }

  /** The copy, with room for `size` bytes. */
  #wholeCopy(size: number): Uint8Array {
    if (this.#copy === undefined) {
      if (this.#size > MAX_WRITTEN) throw new WasiError(Errno.fbig);
      const copy = new Uint8Array(Math.max(size, this.#size));
      this.readAt(copy.subarray(0, this.#size), 0);
      this.#copy = copy;
    } else if (this.#copy.length < size) {
      const larger = new Uint8Array(Math.min(MAX_WRITTEN, Math.max(size, this.#copy.length * 2)));
      larger.set(this.#copy.subarray(0, this.#size));
      this.#copy = larger;
    }
    return this.#copy;
  }
}
