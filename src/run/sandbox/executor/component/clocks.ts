// wasi:clocks and wasi:random.

import type { GuestClocks } from '../guest-clocks.ts';
import { Pollable } from './io.ts';

/** Random bytes a guest may ask for at once. */
const MAX_RANDOM = 1_048_576n;
const NANOSECONDS = 1_000_000_000n;
const MILLISECOND = 1_000_000n;
const MICROSECOND = 1000n;

/** wasi:clocks for one call. */
export function makeClocks(clocks: GuestClocks): Record<string, object> {
  const until = (instant: bigint): Pollable =>
    new Pollable({ remaining: () => instant - clocks.exact() });
  return {
    'wasi:clocks/monotonic-clock': {
      now: () => clocks.monotonic(),
      resolution: () => clocks.resolution(MICROSECOND),
      subscribeInstant: until,
      subscribeDuration: (duration: bigint) => until(clocks.exact() + duration),
    },
    'wasi:clocks/wall-clock': {
      now: () => datetime(clocks.realtime()),
      resolution: () => datetime(clocks.resolution(MILLISECOND)),
    },
    'wasi:clocks/timezone': {
      display: () => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
      utcOffset: () => 0,
    },
  };
}

function datetime(nanoseconds: bigint): { readonly seconds: bigint; readonly nanoseconds: number } {
  return {
    seconds: nanoseconds / NANOSECONDS,
    nanoseconds: Number(nanoseconds % NANOSECONDS),
  };
}

function randomBytes(length: bigint): Uint8Array {
  if (length > MAX_RANDOM) throw new Error('more random bytes than one call gives');
  const bytes = new Uint8Array(Number(length));
  for (let at = 0; at < bytes.length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

function randomU64(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
}

export const random: Record<string, object> = {
  'wasi:random/random': { getRandomBytes: randomBytes, getRandomU64: randomU64 },
  'wasi:random/insecure': { getInsecureRandomBytes: randomBytes, getInsecureRandomU64: randomU64 },
  'wasi:random/insecure-seed': { insecureSeed: () => [randomU64(), randomU64()] },
};
