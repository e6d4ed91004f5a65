// WASI functions about the process: arguments, environment, clocks, random, waiting, ending.

import { clockResolution, clockTime } from './clocks.ts';
import { Errno } from './errno.ts';
import { stringTableBytes } from './guest-memory.ts';
import { currentHost, exitGuest } from './guest.ts';
import type { Guest, WasiFunction } from './index.ts';
import { poll } from './poll.ts';

const ARGUMENTS = ['tool'];
/** Most bytes getRandomValues gives at once. */
const RANDOM_CHUNK = 65_536;

export function processFunctions(guest: () => Guest): Record<string, WasiFunction> {
  const sizes = (values: readonly string[], count: number, bytes: number): void => {
    guest().memory.u32(count, values.length);
    guest().memory.u32(bytes, stringTableBytes(values));
  };
  return {
    args_sizes_get: (count: number, bytes: number) => sizes(ARGUMENTS, count, bytes),
    args_get: (table: number, buffer: number) =>
      guest().memory.stringTable(ARGUMENTS, table, buffer),
    environ_sizes_get: (count: number, bytes: number) => sizes(environment(), count, bytes),
    environ_get: (table: number, buffer: number) =>
      guest().memory.stringTable(environment(), table, buffer),
    clock_time_get: (clock: number, _precision: bigint, at: number) =>
      guest().memory.u64(at, clockTime(clock)),
    clock_res_get: (clock: number, at: number) => guest().memory.u64(at, clockResolution(clock)),
    random_get: (at: number, length: number) => {
      const bytes = guest().memory.bytes(at, length);
      for (let done = 0; done < bytes.length; done += RANDOM_CHUNK) {
        crypto.getRandomValues(
          bytes.subarray(done, done + RANDOM_CHUNK) as Uint8Array<ArrayBuffer>,
        );
      }
    },
    poll_oneoff: (input: number, output: number, count: number, events: number) => {
      const { memory } = guest();
      memory.u32(events, 0);
      memory.u32(events, poll(memory, input, output, count));
    },
    sched_yield: () => Errno.success,
    proc_exit: (code: number) => exitGuest(`the tool exited with code ${code >>> 0}`),
    proc_raise: (signal: number) => exitGuest(`the tool raised signal ${signal}`),
  };
}

function environment(): string[] {
  return Object.entries(currentHost().env).map(([name, value]) => `${name}=${value}`);
}
