// The clocks a guest reads. They begin with it, so that they tell nothing of the process or its other
// calls; with the setting `warder.clock` = `coarse` they move in steps, for tools whose timing is not
// trusted either.

import type { GuestHost } from './engine.ts';

const NANOSECONDS_PER_MS = 1_000_000n;
const NANOSECONDS_PER_MICRO = 1000n;
/** The setting an operator gives: `--config warder.clock=coarse`. */
const SETTING = 'warder.clock';
const COARSE_STEP = 10n * NANOSECONDS_PER_MS;
/** What the monotonic clock shows at the start: some programs take 0 for "no time". */
const FIRST = 1_000_000_000n;

export class GuestClocks {
  /** Nanoseconds between two ticks that are told. */
  readonly step: bigint;
  readonly #start = process.hrtime.bigint();
  readonly #cpu = process.cpuUsage();

  constructor(host: GuestHost) {
    const coarse = Object.hasOwn(host.config, SETTING) && host.config[SETTING] === 'coarse';
    this.step = coarse ? COARSE_STEP : 1n;
  }

  /** Nanoseconds since the epoch. */
  realtime(): bigint {
    return this.#told(BigInt(Date.now()) * NANOSECONDS_PER_MS);
  }

  /** Nanoseconds since a moment before the guest started. */
  monotonic(): bigint {
    return this.#told(this.exact());
  }

  /** CPU nanoseconds the guest took. */
  cpu(): bigint {
    const { user, system } = process.cpuUsage(this.#cpu);
    return this.#told(BigInt(user + system) * NANOSECONDS_PER_MICRO);
  }

  /** The monotonic clock unrounded: to wait by, never told. */
  exact(): bigint {
    return process.hrtime.bigint() - this.#start + FIRST;
  }

  /** How finely a clock that ticks every `native` nanoseconds is told. */
  resolution(native: bigint): bigint {
    return native > this.step ? native : this.step;
  }

  #told(time: bigint): bigint {
    return time - (time % this.step);
  }
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks for some nanoseconds; who sleeps past the deadline is ended from outside. */
export function sleep(nanoseconds: bigint): void {
  if (nanoseconds > 0n) Atomics.wait(never, 0, 0, Number(nanoseconds) / 1e6);
}
