// wasi:io: error, poll and streams. A read or write that asks the host blocks until it is answered, so
// streams are always ready; only timers wait, and the daemon's deadline ends those that wait too long.

import { sleep } from '../guest-clocks.ts';
import { ErrResult } from './err-result.ts';

/** wasi:io/error. */
export class IoError {
  readonly #message: string;
  readonly #cause: unknown;

  /** @param cause the error code of the interface the stream came from. */
  constructor(message: string, cause?: unknown) {
    this.#message = message;
    this.#cause = cause;
  }

  static causeOf(error: IoError): unknown {
    return error.#cause;
  }

  toDebugString(): string {
    return this.#message;
  }
}

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
    sleep(shortest);
  }
}

export const closed = (): ErrResult => new ErrResult({ tag: 'closed' });

/** The case of a stream whose last operation failed. */
export function failed(message: string, cause?: unknown): ErrResult {
  return new ErrResult({ tag: 'last-operation-failed', val: new IoError(message, cause) });
}

/** Where an input stream's bytes come from. */
export interface Source {
  /** Some bytes, `length` at most, their own or the reader's; none at the end. May throw {@link failed}. */
  read(length: number): Uint8Array;
  /** The stream was dropped. */
  close?(): void;
}

/** Bytes that are all there. */
export class WholeBytes implements Source {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  read(length: number): Uint8Array {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }
}

/** Bytes a guest gets in answer to one read. */
const MOST_AT_ONCE = 1_048_576n;

/** wasi:io/streams input-stream. */
export class InputStream {
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  read(length: bigint): Uint8Array {
    if (length === 0n) return new Uint8Array(0);
    const bytes = this.#source.read(Number(length < MOST_AT_ONCE ? length : MOST_AT_ONCE));
    if (bytes.length === 0) throw closed();
    return bytes;
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

  [Symbol.dispose](): void {
    this.#source.close?.();
  }
}

/** Where an output stream's bytes go. */
export interface Sink {
  /** Takes bytes, or throws {@link ErrResult} with a stream-error. */
  write(bytes: Uint8Array): void;
  flush?(): void;
  /** The stream was dropped. */
  close?(): void;
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

  [Symbol.dispose](): void {
    this.#sink.close?.();
  }
}
