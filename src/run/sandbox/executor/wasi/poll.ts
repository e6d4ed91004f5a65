// poll_oneoff: sleeping, and asking descriptors that are always ready. A guest that sleeps past its
// deadline is ended from outside.

import { Errno, WasiError } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';
import { clockTime } from './clocks.ts';

const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const MAX_SUBSCRIPTIONS = 1024;
/** Event types. */
const CLOCK = 0;
const FD_WRITE = 2;
const ABSOLUTE = 1;

const never = new Int32Array(new SharedArrayBuffer(4));

interface Timer {
  readonly userdata: bigint;
  /** Nanoseconds from now. */
  readonly wait: bigint;
}

/** Serves one poll; gives the number of events written. */
export function poll(memory: GuestMemory, input: number, output: number, count: number): number {
  if (count === 0 || count >>> 0 > MAX_SUBSCRIPTIONS) throw new WasiError(Errno.inval);
  memory.bytes(output, count * EVENT_BYTES);
  const timers: Timer[] = [];
  let events = 0;
  for (let index = 0; index < count; index += 1) {
    const at = (input >>> 0) + index * SUBSCRIPTION_BYTES;
    const userdata = memory.readU64(at);
    const type = memory.readU8(at + 8);
    if (type === CLOCK) {
      timers.push({ userdata, wait: waitOf(memory, at) });
    } else if (type <= FD_WRITE) {
      writeEvent(memory, output, events, userdata, type);
      events += 1;
    } else {
      throw new WasiError(Errno.inval);
    }
  }
  if (events > 0 || timers.length === 0) return events;
  const shortest = timers.reduce(
    (least, { wait }) => (wait < least ? wait : least),
    timers[0]?.wait ?? 0n,
  );
  if (shortest > 0n) Atomics.wait(never, 0, 0, Number(shortest) / 1e6);
  for (const { userdata, wait } of timers) {
    if (wait > shortest) continue;
    writeEvent(memory, output, events, userdata, CLOCK);
    events += 1;
  }
  return events;
}

function waitOf(memory: GuestMemory, at: number): bigint {
  const clock = memory.readU32(at + 16);
  const timeout = memory.readU64(at + 24);
  const absolute = (memory.readU16(at + 40) & ABSOLUTE) !== 0;
  const wait = absolute ? timeout - clockTime(clock) : timeout;
  return wait < 0n ? 0n : wait;
}

function writeEvent(
  memory: GuestMemory,
  output: number,
  index: number,
  userdata: bigint,
  type: number,
): void {
  const at = (output >>> 0) + index * EVENT_BYTES;
  memory.bytes(at, EVENT_BYTES).fill(0);
  memory.u64(at, userdata);
  memory.u8(at + 10, type);
}
