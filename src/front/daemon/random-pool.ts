// Randomness for ids and salts, drawn from the system in larger pieces: a call needs a dozen small ones.

import { randomBytes } from 'node:crypto';

const POOL_BYTES = 4096;

/** A source of random bytes. What was handed out is wiped from the pool. */
export function createRandomPool(): (bytes: number) => Uint8Array {
  let pool = randomBytes(POOL_BYTES);
  let at = 0;
  return (bytes) => {
    if (bytes > POOL_BYTES) return randomBytes(bytes);
    if (at + bytes > POOL_BYTES) {
      pool = randomBytes(POOL_BYTES);
      at = 0;
    }
    const taken = Uint8Array.from(pool.subarray(at, at + bytes));
    pool.fill(0, at, at + bytes);
    at += bytes;
    return taken;
  };
}
