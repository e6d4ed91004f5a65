// WASI functions about the process: arguments, environment, clocks, random, waiting, ending.

import { clockResolution, clockTime } from './clocks.ts';
import { Errno } from './errno.ts';
import { stringTableBytes } from './guest-memory.ts';
import { current, descriptors, endWith, GuestExit, memory } from './guest.ts';
import type { WasiFunction } from './index.ts';
import { poll } from './poll.ts';

/** Most bytes getRandomValues gives at once. */
const RANDOM_CHUNK = 65_536;

export const processFunctions: Record<string, WasiFunction> = {
  args_sizes_get: (count: number, bytes: number) => sizes(current().stdio.args, count, bytes),
  args_get: (table: number, buffer: number) =>
    memory().stringTable(current().stdio.args, table, buffer),
  environ_sizes_get: (count: number, bytes: number) => sizes(environment(), count, bytes),
  environ_get: (table: number, buffer: number) =>
    memory().stringTable(environment(), table, buffer),
  clock_time_get: (clock: number, _precision: bigint, at: number) =>
    memory().u64(at, clockTime(current().clocks, clock)),
  clock_res_get: (clock: number, at: number) =>
    memory().u64(at, clockResolution(current().clocks, clock)),
  random_get: (at: number, length: number) => {
    const bytes = memory().bytes(at, length);
    for (let done = 0; done < bytes.length; done += RANDOM_CHUNK) {
      crypto.getRandomValues(bytes.subarray(done, done + RANDOM_CHUNK) as Uint8Array<ArrayBuffer>);
    }
  },
  poll_oneoff: (input: number, output: number, count: number, eventsAt: number) => {
    memory().u32(eventsAt, 0);
    const events = poll(memory(), current().clocks, descriptors(), { input, output, count });
    memory().u32(eventsAt, events);
  },
  sched_yield: () => Errno.success,
  proc_exit: (code: number) =>
    endWith(new GuestExit(`the tool exited with code ${code >>> 0}`, code >>> 0)),
  proc_raise: (signal: number) => endWith(new GuestExit(`the tool raised signal ${signal}`)),
};

function sizes(values: readonly string[], count: number, bytes: number): void {
  memory().u32(count, values.length);
  memory().u32(bytes, stringTableBytes(values));
}

function environment(): string[] {
  return Object.entries(current().host.env).map(([name, value]) => `${name}=${value}`);
}
