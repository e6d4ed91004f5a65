// What a guest prints, as lines of the call's log: it never reaches a stream of the host's.

import type { GuestHost, LogLevel } from './engine.ts';

/** A line a guest has not ended is logged when it gets this long. */
const MAX_LINE = 8192;
/** Decoded at once: one write can be as large as the guest's memory. */
const MAX_PART = 65_536;

export class LineLog {
  readonly #host: GuestHost;
  readonly #level: LogLevel;
  readonly #decoder = new TextDecoder();
  #line = '';

  constructor(host: GuestHost, level: LogLevel) {
    this.#host = host;
    this.#level = level;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MAX_PART) {
      this.#take(bytes.subarray(at, at + MAX_PART));
    }
  }

  /** Logs what stands without a line end. */
  end(): void {
    if (this.#line !== '') this.#host.log(this.#level, this.#line);
    this.#line = '';
  }

  #take(bytes: Uint8Array): void {
    const lines = (this.#line + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#host.log(this.#level, line);
    if (this.#line.length > MAX_LINE) this.end();
  }
}
