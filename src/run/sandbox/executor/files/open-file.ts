// A regular file that is open, whatever number of descriptors lead to it: what one writes another
// reads. Reading goes through a window read ahead; writing gathers what belongs together. Seen by this
// call alone until it is closed or synchronised: then the host puts it in place whole.

import type { GuestHost } from '../engine.ts';
import type { FileFacts, HostRequest } from '../../host-calls.ts';
import { ask, factsIn, FileError, type Granted } from './file-error.ts';

/** Bytes wanted with the answer to an open: a file that fits needs no other request. */
export const PREFETCH: number = 128 * 1024;
/** Bytes fetched at once by who reads on, and by who jumps. */
const WINDOW = 256 * 1024;
const SMALL_WINDOW = 16 * 1024;
/** The most one request gives or takes. */
const MOST = 1024 * 1024;
/** Bytes gathered before they are sent. */
const GATHERED = 256 * 1024;
const FIRST_BUFFER = 8 * 1024;

const NOTHING = new Uint8Array(0);

export class OpenFile {
  /** Where it is now; undefined once its name was removed. */
  path: string | undefined;
  /** Stands for the file in comparisons, also after its name is gone. */
  readonly madeAt: string;
  /** Descriptors that lead here. */
  openers = 0;
  readonly #host: GuestHost;
  /** The host's; 0 when all of it is in the window. */
  #handle = 0;
  #writable = false;
  #size = 0;
  #facts: FileFacts | undefined;
  #window: Uint8Array = NOTHING;
  #windowAt = 0;
  /** Where the last read ended: who starts there reads on. */
  #readTo = 0;
  #gathered: Uint8Array = NOTHING;
  #gatheredAt = 0;
  #gatheredLength = 0;

  constructor(host: GuestHost, path: string, opened: Granted, writable: boolean) {
    this.#host = host;
    this.path = path;
    this.madeAt = path;
    this.#take(opened, writable);
  }

  get size(): number {
    return this.#size;
  }

  get writable(): boolean {
    return this.#writable;
  }

  /** What the host says of it; asked anew after a change. */
  facts(): FileFacts {
    if (this.#facts !== undefined) return this.#facts;
    this.flush();
    this.#facts = factsIn(ask(this.#host, this.#question()));
    return this.#facts;
  }

  /** They may have changed other than by a write. */
  forgetFacts(): void {
    this.#facts = undefined;
  }

  /** It was opened once more, for writing: what the host answered holds from now on. */
  becomeWritable(opened: Granted): void {
    const before = this.#handle;
    this.#take(opened, true);
    if (before !== 0) ask(this.#host, { op: 'file-close', handle: before });
  }

  /** Fills `into` as far as the file goes; gives the count. */
  readAt(into: Uint8Array, offset: number): number {
    let done = 0;
    while (done < into.length && offset + done < this.#size) {
      const got = this.#some(into.subarray(done), offset + done);
      if (got === 0) break;
      done += got;
    }
    this.#readTo = offset + done;
    return done;
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    if (!this.#writable) throw new FileError('bad-descriptor');
    if (!Number.isSafeInteger(offset + bytes.length)) throw new FileError('invalid');
    if (bytes.length === 0) return;
    const follows = offset === this.#gatheredAt + this.#gatheredLength;
    if (!follows || this.#gatheredLength + bytes.length > GATHERED) this.flush();
    if (bytes.length > GATHERED) this.#send(bytes, offset);
    else this.#gather(bytes, offset);
    this.#patchWindow(bytes, offset);
    this.#size = Math.max(this.#size, offset + bytes.length);
    this.#facts = undefined;
  }

  resize(size: number): void {
    if (!this.#writable) throw new FileError('bad-descriptor');
    this.flush();
    ask(this.#host, { op: 'file-resize', handle: this.#handle, size });
    this.#window = NOTHING;
    this.#size = size;
    this.#facts = undefined;
  }

  /** Sends what was gathered. It is gone from here also when the host refuses. */
  flush(): void {
    if (this.#gatheredLength === 0) return;
    const bytes = this.#gathered.subarray(0, this.#gatheredLength);
    this.#gatheredLength = 0;
    this.#send(bytes, this.#gatheredAt);
  }

  /** Puts what was written in place, durably. */
  sync(): void {
    if (!this.#writable) return;
    this.flush();
    ask(this.#host, { op: 'file-sync', handle: this.#handle });
  }

  /** Puts what was written in place and lets go of it. */
  close(): void {
    try {
      this.flush();
    } finally {
      const handle = this.#handle;
      this.#handle = 0;
      if (handle !== 0) ask(this.#host, { op: 'file-close', handle });
    }
  }

  #question(): HostRequest {
    if (this.#handle !== 0) return { op: 'file-stat-handle', handle: this.#handle };
    return { op: 'file-stat', path: this.path ?? this.madeAt };
  }

  #take({ value, bytes = NOTHING }: Granted, writable: boolean): void {
    if (!('handle' in value)) throw new FileError('io');
    this.#handle = value.handle;
    this.#facts = value.file;
    this.#size = value.file.size;
    this.#window = bytes;
    this.#windowAt = 0;
    this.#writable = writable;
    // All of it came with the answer; whatever size was told, there is no more to get.
    if (value.handle === 0) this.#size = bytes.length;
  }

  /** Some bytes at `offset`, which lies within the file; none when it ends before. */
  #some(into: Uint8Array, offset: number): number {
    let start = offset - this.#windowAt;
    if (start < 0 || start >= this.#window.length) {
      if (this.#handle === 0) return 0;
      this.flush();
      const readsOn = offset === this.#readTo || offset === this.#windowAt + this.#window.length;
      const ahead = readsOn ? WINDOW : SMALL_WINDOW;
      const length = Math.min(MOST, Math.max(ahead, into.length));
      const { bytes = NOTHING } = ask(this.#host, {
        op: 'file-read-at',
        handle: this.#handle,
        offset,
        length,
      });
      this.#window = bytes;
      this.#windowAt = offset;
      start = 0;
    }
    const part = this.#window.subarray(start, start + into.length);
    into.set(part);
    return part.length;
  }

  #gather(bytes: Uint8Array, offset: number): void {
    if (this.#gatheredLength === 0) this.#gatheredAt = offset;
    const length = this.#gatheredLength + bytes.length;
    if (length > this.#gathered.length) {
      const larger = Math.max(FIRST_BUFFER, length, this.#gathered.length * 4);
      const grown = new Uint8Array(Math.min(GATHERED, larger));
      grown.set(this.#gathered.subarray(0, this.#gatheredLength));
      this.#gathered = grown;
    }
    this.#gathered.set(bytes, this.#gatheredLength);
    this.#gatheredLength = length;
  }

  #send(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length; done += MOST) {
      const data = bytes.subarray(done, done + MOST);
      ask(this.#host, { op: 'file-write-at', handle: this.#handle, offset: at + done, data });
    }
  }

  /** Keeps the window true: bytes within it are replaced, a hole or an overlap ends it. */
  #patchWindow(bytes: Uint8Array, offset: number): void {
    const end = this.#windowAt + this.#window.length;
    if (offset >= end || offset + bytes.length <= this.#windowAt) return;
    if (offset >= this.#windowAt && offset + bytes.length <= end) {
      this.#window.set(bytes, offset - this.#windowAt);
    } else {
      this.#window = NOTHING;
    }
  }
}
