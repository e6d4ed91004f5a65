// How much of a signer process its callers may take up at once: bytes of requests that are being answered.

/** Bytes of requests under way, of all callers together. More wait in the kernel, where they cost nothing. */
const BYTES_MAX = 64 * 1024 * 1024;

/** Whoever takes more than there is reads nothing more until some of it is given back. */
export class Burden {
  #bytes = 0;
  readonly #waiting = new Set<() => void>();

  /** Returns whether to go on reading. */
  take(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes < BYTES_MAX;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes >= BYTES_MAX) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  /** Calls back once, when there is room again. */
  whenLighter(resume: () => void): void {
    this.#waiting.add(resume);
  }
}
