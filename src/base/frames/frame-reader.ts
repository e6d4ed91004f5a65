// Puts a byte stream from another process together into frames. Hostile: a length is judged before a
// byte of it is stored.

import { decodeHead, decodeHeader, type FrameHeader, HEADER_BYTES } from './frame.ts';

/** A whole frame. */
export interface Frame {
  readonly kind: number;
  readonly call: number;
  /** Unchecked members. */
  readonly head: Record<string, unknown>;
  readonly body: Uint8Array;
}

/** Where frames go. */
export interface FrameSink {
  /** Throws when a frame with this header may not come now. */
  accept(header: FrameHeader): void;
  frame(frame: Frame): void;
}

/** Feeds chunks in; throws what `accept` throws, or RangeError, SyntaxError, TypeError for nonsense. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** A frame not yet whole: its bytes so far. */
  #partial: Uint8Array | undefined;
  #filled = 0;
  #header: FrameHeader | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the last frame is not whole yet. */
  get isAmidFrame(): boolean {
    return this.#partial !== undefined;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#partial === undefined ? this.#begin(chunk, at) : this.#fill(chunk, at);
    }
  }

  /** A frame begins at `at`: taken whole from the chunk when it stands there. */
  #begin(chunk: Uint8Array, at: number): number {
    const left = chunk.length - at;
    if (left < HEADER_BYTES) {
      this.#partial = new Uint8Array(HEADER_BYTES);
      return this.#fill(chunk, at);
    }
    const header = decodeHeader(chunk, at);
    this.#sink.accept(header);
    const start = at + HEADER_BYTES;
    const total = header.headBytes + header.bodyBytes;
    if (chunk.length - start >= total) {
      this.#deliver(header, chunk.subarray(start, start + total));
      return start + total;
    }
    this.#header = header;
    this.#partial = Buffer.allocUnsafeSlow(total);
    return this.#fill(chunk, start);
  }

  #fill(chunk: Uint8Array, at: number): number {
    const partial = this.#partial ?? new Uint8Array(0);
    const count = Math.min(partial.length - this.#filled, chunk.length - at);
    partial.set(chunk.subarray(at, at + count), this.#filled);
    this.#filled += count;
    if (this.#filled < partial.length) return at + count;
    this.#filled = 0;
    this.#partial = undefined;
    const header = this.#header;
    this.#header = undefined;
    if (header !== undefined) {
      this.#deliver(header, partial);
      return at + count;
    }
    const begun = decodeHeader(partial);
    this.#sink.accept(begun);
    const total = begun.headBytes + begun.bodyBytes;
    if (total === 0) {
      this.#deliver(begun, partial.subarray(0, 0));
    } else {
      this.#header = begun;
      this.#partial = Buffer.allocUnsafeSlow(total);
    }
    return at + count;
  }

  #deliver({ kind, call, headBytes }: FrameHeader, payload: Uint8Array): void {
    const head = decodeHead(payload.subarray(0, headBytes));
    this.#sink.frame({ kind, call, head, body: payload.subarray(headBytes) });
  }
}
