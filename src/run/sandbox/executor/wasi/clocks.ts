// The clocks of WASI preview 1.

import type { GuestClocks } from '../guest-clocks.ts';
import { Errno, WasiError } from './errno.ts';

const REALTIME = 0;
const MONOTONIC = 1;
const PROCESS_CPU = 2;
const THREAD_CPU = 3;
const MILLISECOND = 1_000_000n;
const MICROSECOND = 1000n;

/** Nanoseconds of a clock. */
export function clockTime(clocks: GuestClocks, clock: number): bigint {
  switch (clock) {
    case REALTIME:
      return clocks.realtime();
    case MONOTONIC:
      return clocks.monotonic();
    case PROCESS_CPU:
    case THREAD_CPU:
      return clocks.cpu();
    default:
      throw new WasiError(Errno.inval);
  }
}

/** Nanoseconds between two ticks of a clock. */
export function clockResolution(clocks: GuestClocks, clock: number): bigint {
  if (clock === REALTIME) return clocks.resolution(MILLISECOND);
  if (clock >= MONOTONIC && clock <= THREAD_CPU) return clocks.resolution(MICROSECOND);
  throw new WasiError(Errno.inval);
}
