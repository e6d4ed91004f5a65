// Nonces for proofs: given out by a daemon, taken back for some minutes, worth nothing after a restart.

import { encodeBase64url } from '../../base/encoding/base64url.ts';

const ROTATED_MS = 120_000;
/** How many of the last nonces are still taken. */
const KEPT = 3;

export class ProofNonces {
  readonly #random: (length: number) => Uint8Array;
  #nonces: readonly string[] = [];
  #since = -Infinity;

  /** @param random unpredictable bytes. */
  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  /** The nonce to use now. `now` is monotonic milliseconds. */
  current(now: number): string {
    if (!(now - this.#since < ROTATED_MS)) {
      // After a long silence the old ones are not taken any more.
      const kept = now - this.#since < ROTATED_MS * KEPT ? this.#nonces.slice(0, KEPT - 1) : [];
      this.#nonces = [encodeBase64url(this.#random(16)), ...kept];
      this.#since = now;
    }
    return this.#nonces[0] ?? '';
  }

  /** Whether it is one of the last few. */
  accepts(nonce: string, now: number): boolean {
    this.current(now);
    return this.#nonces.includes(nonce);
  }
}
