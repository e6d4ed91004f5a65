// poll_oneoff: sleeping, and asking descriptors that are always ready. A guest that sleeps past its
// deadline is ended from outside.

import { type GuestClocks, sleep } from '../guest-clocks.ts';
import { clockTime } from './clocks.ts';
import type { Descriptors } from './descriptors.ts';
import { Errno, WasiError } from './errno.ts';
import { Right } from './flags.ts';
import type { GuestMemory } from './guest-memory.ts';

const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const MAX_SUBSCRIPTIONS = 4096;
/** Event types. */
const CLOCK = 0;
const FD_READ = 1;
const FD_WRITE = 2;
const ABSOLUTE = 1;
const MONOTONIC = 1;

export interface PollArguments {
  readonly input: number;
  readonly output: number;
  readonly count: number;
}

interface Event {
  readonly userdata: bigint;
  readonly type: number;
  readonly errno: Errno;
  /** Bytes there are to read, or room to write. */
  readonly bytes: number;
}

interface Timer {
  readonly userdata: bigint;
  /** Nanoseconds from now. */
  readonly wait: bigint;
}

/** Serves one poll; gives the number of events written. */
export function poll(
  memory: GuestMemory,
  clocks: GuestClocks,
  descriptors: Descriptors,
  { input, output, count }: PollArguments,
): number {
  const subscriptions = count >>> 0;
  if (subscriptions === 0 || subscriptions > MAX_SUBSCRIPTIONS) throw new WasiError(Errno.inval);
  memory.bytes(input, subscriptions * SUBSCRIPTION_BYTES);
  memory.bytes(output, subscriptions * EVENT_BYTES);
  const timers: Timer[] = [];
  const events: Event[] = [];
  for (let index = 0; index < subscriptions; index += 1) {
    const at = (input >>> 0) + index * SUBSCRIPTION_BYTES;
    const userdata = memory.readU64(at);
    const type = memory.readU8(at + 8);
    if (type === CLOCK) {
      const wait = waitOf(memory, clocks, at);
      if (wait === undefined) events.push({ userdata, type, errno: Errno.inval, bytes: 0 });
      else timers.push({ userdata, wait });
    } else if (type === FD_READ || type === FD_WRITE) {
      events.push({ userdata, type, ...stateOf(descriptors, memory.readU32(at + 16), type) });
    } else {
      throw new WasiError(Errno.inval);
    }
  }
  if (events.length === 0) {
    const shortest = timers.reduce(
      (least, { wait }) => (wait < least ? wait : least),
      timers[0]?.wait ?? 0n,
    );
    sleep(shortest);
    for (const { userdata, wait } of timers) {
      if (wait > shortest) continue;
      events.push({ userdata, type: CLOCK, errno: Errno.success, bytes: 0 });
    }
  }
  for (const [index, event] of events.entries()) {
    writeEvent(memory, (output >>> 0) + index * EVENT_BYTES, event);
  }
  return events.length;
}

/** Undefined for a clock that cannot be waited by. */
function waitOf(memory: GuestMemory, clocks: GuestClocks, at: number): bigint | undefined {
  const clock = memory.readU32(at + 16);
  if (clock > MONOTONIC) return undefined;
  const timeout = memory.readU64(at + 24);
  const absolute = (memory.readU16(at + 40) & ABSOLUTE) !== 0;
  if (!absolute) return timeout;
  const now = clock === MONOTONIC ? clocks.exact() : clockTime(clocks, clock);
  return timeout > now ? timeout - now : 0n;
}

/** Files and streams never make one wait. */
function stateOf(
  descriptors: Descriptors,
  fd: number,
  type: number,
): { readonly errno: Errno; readonly bytes: number } {
  try {
    const descriptor = descriptors.get(fd, Right.pollFdReadwrite);
    if (type === FD_WRITE) return { errno: Errno.success, bytes: 65_536 };
    if (descriptor.kind === 'input') {
      return { errno: Errno.success, bytes: descriptors.input.length };
    }
    if (descriptor.kind !== 'file') return { errno: Errno.success, bytes: 0 };
    const bytes = Math.max(0, descriptor.file.size - descriptor.offset);
    return { errno: Errno.success, bytes };
  } catch (error) {
    if (error instanceof WasiError) return { errno: error.errno, bytes: 0 };
    throw error;
  }
}

function writeEvent(memory: GuestMemory, at: number, event: Event): void {
  memory.bytes(at, EVENT_BYTES).fill(0);
  memory.u64(at, event.userdata);
  memory.u16(at + 8, event.errno);
  memory.u8(at + 10, event.type);
  memory.u64(at + 16, BigInt(event.bytes));
}
