// The clocks of WASI preview 1.

import { Errno, WasiError } from './errno.ts';

const REALTIME = 0;
const MONOTONIC = 1;
const PROCESS_CPU = 2;
const THREAD_CPU = 3;
const NANOSECONDS_PER_MS = 1_000_000n;

/** Nanoseconds of a clock. */
export function clockTime(clock: number): bigint {
  switch (clock) {
    case REALTIME:
      return BigInt(Date.now()) * NANOSECONDS_PER_MS;
    case MONOTONIC:
    case PROCESS_CPU:
    case THREAD_CPU:
      return process.hrtime.bigint();
    default:
      throw new WasiError(Errno.inval);
  }
}

/** Nanoseconds between two ticks of a clock. */
export function clockResolution(clock: number): bigint {
  if (clock === REALTIME) return NANOSECONDS_PER_MS;
  if (clock >= MONOTONIC && clock <= THREAD_CPU) return 1000n;
  throw new WasiError(Errno.inval);
}
