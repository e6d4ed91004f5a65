// wasi:clocks and wasi:random.

import { Pollable } from './io.ts';

/** Random bytes a guest may ask for at once. */
const MAX_RANDOM = 1_048_576n;
const RESOLUTION = 1_000n;

function until(instant: bigint): Pollable {
  return new Pollable({ remaining: () => instant - process.hrtime.bigint() });
}

export const clocks: Record<string, object> = {
  'wasi:clocks/monotonic-clock': {
    now: () => process.hrtime.bigint(),
    resolution: () => RESOLUTION,
    subscribeInstant: until,
    subscribeDuration: (duration: bigint) => until(process.hrtime.bigint() + duration),
  },
  'wasi:clocks/wall-clock': {
    now: () => {
      const milliseconds = Date.now();
      return {
        seconds: BigInt(Math.floor(milliseconds / 1000)),
        nanoseconds: (milliseconds % 1000) * 1_000_000,
      };
    },
    resolution: () => ({ seconds: 0n, nanoseconds: 1_000_000 }),
  },
  'wasi:clocks/timezone': {
    display: () => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
    utcOffset: () => 0,
  },
};

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
