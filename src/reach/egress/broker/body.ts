// The body of an answer on its way from the server to whoever reads it: a bounded queue that stops
// the server while it is full.

import { EgressRefusal } from '../refusal.ts';

/** The connection a body comes from. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** The rest is not wanted: closes the connection. */
  abort(reason: Error): void;
}

export interface BodyBounds {
  /** Bytes that may wait to be read before the server is stopped; Infinity for all of it. */
  readonly waiting: number;
  /** Bytes in all, the answer's fields included. */
  readonly limit: number;
}

export class Body {
  readonly #bounds: BodyBounds;
  readonly #flow: Flow;
  #parts: Uint8Array[] = [];
  #waiting = 0;
  #left: number;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(bounds: BodyBounds, flow: Flow) {
    this.#bounds = bounds;
    this.#flow = flow;
    this.#left = bounds.limit;
  }

  /** Bytes charged so far. */
  get used(): number {
    return this.#bounds.limit - this.#left;
  }

  /** Takes bytes from the limit. When there are too few they are all taken, and it is false. */
  charge(bytes: number): boolean {
    const enough = bytes <= this.#left;
    this.#left = enough ? this.#left - bytes : 0;
    return enough;
  }

  get settled(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  push(chunk: Uint8Array): void {
    if (this.settled || chunk.length === 0) return;
    if (!this.charge(chunk.length)) {
      const reason = overLimit();
      this.fail(reason);
      this.#flow.abort(reason);
      return;
    }
    this.#parts.push(chunk);
    this.#waiting += chunk.length;
    if (this.#waiting >= this.#bounds.waiting && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#stir();
  }

  end(): void {
    this.#ended = true;
    this.#stir();
  }

  fail(reason: Error): void {
    if (this.settled) return;
    this.#failure = reason;
    this.#parts = [];
    this.#waiting = 0;
    this.#stir();
  }

  /** Up to `length` bytes as soon as there are some. With 0 it only waits until it can tell the end. */
  async read(length: number): Promise<{ readonly bytes: Uint8Array; readonly end: boolean }> {
    while (this.#waiting === 0 && !this.settled) await this.#stirred();
    if (this.#failure !== undefined) throw this.#failure;
    const bytes = this.#take(length);
    return { bytes, end: this.#ended && this.#waiting === 0 };
  }

  /** All of it, once it is over. */
  async whole(): Promise<Uint8Array> {
    while (!this.settled) await this.#stirred();
    if (this.#failure !== undefined) throw this.#failure;
    const [only = new Uint8Array(), ...more] = this.#parts;
    return more.length === 0 ? only : Buffer.concat(this.#parts, this.#waiting);
  }

  #take(length: number): Uint8Array {
    const taken: Uint8Array[] = [];
    let left = Math.min(length, this.#waiting);
    this.#waiting -= left;
    while (left > 0) {
      const part = this.#parts[0] ?? new Uint8Array();
      if (part.length <= left) {
        taken.push(part);
        this.#parts.shift();
      } else {
        taken.push(part.subarray(0, left));
        this.#parts[0] = part.subarray(left);
      }
      left -= Math.min(left, part.length);
    }
    if (this.#paused && this.#waiting < this.#bounds.waiting) {
      this.#paused = false;
      this.#flow.resume();
    }
    return taken.length === 1 ? (taken[0] ?? new Uint8Array()) : Buffer.concat(taken);
  }

  #stirred(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #stir(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

export function overLimit(): EgressRefusal {
  return new EgressRefusal(
    'limit',
    'the answer is larger than what this call may still move over the network; the operator can ' +
      'allow more with `warder tool grant NAME --max-net SIZE`',
  );
}
