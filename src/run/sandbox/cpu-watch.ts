// Bounds the CPU time of one call, and knows it afterwards: read from the kernel, because what an
// executor says of itself is worth nothing.

import { availableParallelism } from 'node:os';
import { CPU_STEP_MS, cpuMsOf } from '../../base/process/cpu-time.ts';

/** Calls that end sooner cost a timer and nothing else. */
const FIRST_LOOK_MS = 10;
/** Threads of an executor that can burn at once: the guest's, and V8's helpers. */
const THREADS = Math.min(availableParallelism(), 6);
/** How far a claim may be from what the kernel counted and still be the finer of the two. */
const TOLERANCE_MS = 2 * CPU_STEP_MS;

/** The CPU time of one process, from look to look. */
export class CpuClock {
  readonly #pid: () => number;
  #last = 0;

  constructor(pid: () => number) {
    this.#pid = pid;
  }

  /** What the last look showed. */
  get last(): number {
    return this.#last;
  }

  /** Looks: milliseconds since the process began. What it was last, when it cannot be told. */
  look(): number {
    this.#last = cpuMsOf(this.#pid()) ?? this.#last;
    return this.#last;
  }
}

/** Watches one call from its start. */
export class CpuWatch {
  readonly #clock: CpuClock;
  readonly #limitMs: number;
  readonly #onLimit: () => void;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  /** The process's time when the call began; unknown before the first look. */
  #began: number | undefined;

  /** @param onLimit called once, when the call has used `limitMs`; not after {@link stop}. */
  constructor(clock: CpuClock, limitMs: number, onLimit: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onLimit = onLimit;
    this.#lookAfter(FIRST_LOOK_MS);
  }

  /**
   * Ends the watch. Of a call that is to be killed it is asked before.
   *
   * @returns CPU milliseconds of the call; undefined when it was too short to be looked at.
   */
  stop(): number | undefined {
    clearTimeout(this.#timer);
    return this.#began === undefined ? undefined : this.#used();
  }

  #lookAfter(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const used = this.#used();
    const left = this.#limitMs - used;
    if (left <= 0) this.#onLimit();
    // The earliest moment the limit can be reached, were all threads at work.
    else this.#lookAfter(Math.max(CPU_STEP_MS, left / THREADS));
  }

  #used(): number {
    const before = this.#clock.last;
    const now = this.#clock.look();
    // Calls before this one may have burned since the last look, this one no more than there was time.
    this.#began ??= Math.max(before, now - (performance.now() - this.#startedAt));
    return Math.max(0, now - this.#began);
  }
}

/**
 * What a call used: the executor's finer figure where the kernel's bears it out. Of a call that was too
 * short to be looked at nothing else is known, and no more than its threads can have burned is believed.
 */
export function settleCpuMs(claimed: number, counted: number | undefined, wallMs: number): number {
  if (counted === undefined) return Math.min(claimed, wallMs * THREADS);
  return Math.abs(claimed - counted) <= TOLERANCE_MS ? claimed : counted;
}
