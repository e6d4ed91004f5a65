// wasi:io: error, poll and streams. Everything the host gives is there at once, so streams are
// always ready; only timers wait, and the daemon's deadline ends those that wait too long.

import { ErrResult } from './err-result.ts';

/** wasi:io/error. */
export class IoError {
  readonly #message: string;

  constructor(message: string) {
    this.#message = message;
  }

  toDebugString(): string {
    return this.#message;
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** What a pollable waits for. */
export interface Readiness {
  /** Nanoseconds of waiting left; 0n when ready. */
  remaining(): bigint;
  /** Called when the guest waits for it and nothing else can make it ready. */
  force?(): void;
}

const READY: Readiness = { remaining: () => 0n };

/** wasi:io/poll. */
export class Pollable {
  readonly #readiness: Readiness;

  constructor(readiness: Readiness = READY) {
    this.#readiness = readiness;
  }

  ready(): boolean {
    return this.#readiness.remaining() <= 0n;
  }

  block(): void {
    poll([this]);
  }

  static readinessOf(pollable: Pollable): Readiness {
    return pollable.#readiness;
  }
}

/** Waits until at least one is ready; the answer holds the indexes of those that are. */
export function poll(pollables: readonly Pollable[]): Uint32Array {
  if (pollables.length === 0) throw new Error('poll of an empty list');
  const all = pollables.map((pollable) => Pollable.readinessOf(pollable));
  for (;;) {
    const waits = all.map((readiness) => readiness.remaining());
    const ready = waits.flatMap((wait, index) => (wait <= 0n ? [index] : []));
    if (ready.length > 0) return Uint32Array.from(ready);
    const forced = all.filter((readiness) => readiness.force !== undefined);
    if (forced.length > 0) {
      for (const readiness of forced) readiness.force?.();
      continue;
    }
    const shortest = waits.reduce((least, wait) => (wait < least ? wait : least));
    const milliseconds = Number(shortest / 1_000_000n) + 1;
    Atomics.wait(sleeper, 0, 0, Math.min(milliseconds, 60_000));
  }
}

const closed = (): ErrResult => new ErrResult({ tag: 'closed' });

/** wasi:io/streams input-stream over bytes that are all there. */
export class InputStream {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  read(length: bigint): Uint8Array {
    if (this.#rest.length === 0) throw closed();
    const size = length < BigInt(this.#rest.length) ? Number(length) : this.#rest.length;
    const taken = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return taken;
  }

  blockingRead(length: bigint): Uint8Array {
    return this.read(length);
  }

  skip(length: bigint): bigint {
    return BigInt(this.read(length).length);
  }

  blockingSkip(length: bigint): bigint {
    return this.skip(length);
  }

  subscribe(): Pollable {
    return new Pollable();
  }
}

/** Where an output stream's bytes go. */
export interface Sink {
  /** Takes bytes, or throws {@link ErrResult} with a stream-error. */
  write(bytes: Uint8Array): void;
  flush?(): void;
}

/** Bytes a guest may write at once. */
const CHUNK = 65_536n;

/** wasi:io/streams output-stream. */
export class OutputStream {
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  checkWrite(): bigint {
    return CHUNK;
  }

  write(bytes: Uint8Array): void {
    this.#sink.write(bytes);
  }

  blockingWriteAndFlush(bytes: Uint8Array): void {
    this.#sink.write(bytes);
    this.#sink.flush?.();
  }

  flush(): void {
    this.#sink.flush?.();
  }

  blockingFlush(): void {
    this.#sink.flush?.();
  }

  writeZeroes(length: bigint): void {
    if (length > CHUNK) throw new Error('more zeroes than the stream takes');
    this.#sink.write(new Uint8Array(Number(length)));
  }

  blockingWriteZeroesAndFlush(length: bigint): void {
    this.writeZeroes(length);
    this.flush();
  }

  splice(source: InputStream, length: bigint): bigint {
    const bytes = source.read(length < CHUNK ? length : CHUNK);
    this.#sink.write(bytes);
    return BigInt(bytes.length);
  }

  blockingSplice(source: InputStream, length: bigint): bigint {
    return this.splice(source, length);
  }

  subscribe(): Pollable {
    return new Pollable();
  }
}

/** A sink that keeps what was written, up to a limit. */
export class BoundedBuffer implements Sink {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #open = true;

  constructor(limit: number) {
    this.#limit = limit;
  }

  write(bytes: Uint8Array): void {
    if (!this.#open) throw closed();
    if (this.#size + bytes.length > this.#limit) {
      const message = `more than ${String(this.#limit)} bytes written`;
      throw new ErrResult({ tag: 'last-operation-failed', val: new IoError(message) });
    }
    // The glue's bytes are a view of guest memory.
    this.#chunks.push(bytes.slice());
    this.#size += bytes.length;
  }

  /** Ends writing and gives everything. */
  finish(): Uint8Array {
    this.#open = false;
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [whole];
    return whole;
  }
}
