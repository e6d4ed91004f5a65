// The body of a streamed request: taken part by part, each answered when the next may come.

import { Readable } from 'node:stream';

/** Bytes that may wait for the connection. */
const WAITING = 64 << 10;

export class Outgoing {
  readonly stream: Readable;
  #wanted: (() => void) | undefined;
  #failure: Error | undefined;

  constructor() {
    this.stream = new Readable({
      highWaterMark: WAITING,
      read: () => {
        this.#wanted?.();
        this.#wanted = undefined;
      },
    });
    this.stream.on('error', () => undefined);
  }

  /** Resolves when there is room for more, or when the request is over and wants none. */
  async write(part: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.stream.destroyed || this.stream.push(part)) return;
    await new Promise<void>((resolve) => {
      this.#wanted = resolve;
      this.stream.once('close', resolve);
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  finish(): void {
    if (!this.stream.destroyed) this.stream.push(null);
  }

  /** Nobody takes it any more. */
  stop(reason?: Error): void {
    this.#failure = reason;
    this.stream.destroy();
  }
}
