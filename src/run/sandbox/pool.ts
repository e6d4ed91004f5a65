// Gives each call an executor: one (package digest, tenant, memory limit) per executor for its whole
// life, calls in turn, a bounded number of processes, idle ones ended.

import type { Clock } from '../../base/clock/clock.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Blanks } from './blanks.ts';
import type { ExecutorProcess } from './executor-process.ts';
import {
  type Assigned,
  type ExecutorKey,
  isRestless,
  type Line,
  makeLine,
  nameOf,
} from './executor-line.ts';

export interface PoolOptions {
  /** Executors with a package at most, all together. */
  readonly maxExecutors: number;
  /** Executors of one key at most; a second one starts when a call has waited {@link growAfterMs}. */
  readonly maxPerKey: number;
  readonly growAfterMs: number;
  /**
   * Executors of one key that a queue alone may start: more than there are cores to run them only take
   * turns. Beyond it one more starts only while a call has held its executor for {@link growAfterMs}.
   */
  readonly parallel: number;
  /** Idle milliseconds after which an executor gives memory back. */
  readonly restMs: number;
  /** Idle milliseconds after which an executor is ended. */
  readonly idleMs: number;
  /** How often those that idle are looked at, milliseconds. */
  readonly lookMs: number;
}

/** Puts the package of a key into a blank executor. Rejects when it cannot; the executor is ended. */
export type LoadExecutor = (executor: ExecutorProcess, key: ExecutorKey) => Promise<void>;

export interface PoolStats {
  readonly executors: readonly {
    readonly pid: number;
    readonly tenant: string;
    readonly digest: string;
    readonly busy: boolean;
  }[];
  readonly waiting: number;
}

/** How long a package without any executor waits for one to idle before a busy one must give way. */
const YIELD_AFTER_MS = 100;

export class Pool {
  readonly #blanks: Blanks;
  readonly #load: LoadExecutor;
  readonly #clock: Clock;
  readonly #options: PoolOptions;
  readonly #lines = new Map<string, Line>();
  /** Lines without any executor because there is no room, and since when. */
  readonly #hungry = new Map<Line, number>();
  /** Executors being ended. */
  #dying = 0;
  /** Executors with a package, being given one, or being ended. */
  #total = 0;
  #tender: NodeJS.Timeout | undefined;
  #tenderFar = false;
  #closed = false;

  constructor(blanks: Blanks, load: LoadExecutor, clock: Clock, options: PoolOptions) {
    this.#blanks = blanks;
    this.#load = load;
    this.#clock = clock;
    this.#options = options;
  }

  get stats(): PoolStats {
    const lines = [...this.#lines.values()];
    return {
      executors: lines.flatMap(({ key, executors }) =>
        [...executors].map(({ executor, busy }) => ({
          pid: executor.pid,
          tenant: key.tenant,
          digest: key.digest,
          busy,
        })),
      ),
      waiting: lines.reduce((total, { queue }) => total + queue.size, 0),
    };
  }

  /** An idle executor of the key, at once, when there is one and nobody waits for it. */
  tryAcquire(key: ExecutorKey): Assigned | undefined {
    const line = this.#lines.get(nameOf(key));
    if (line === undefined || line.queue.size > 0) return undefined;
    return this.#takeIdle(line);
  }

  /**
   * An executor of the key, when it is this call's turn.
   *
   * @param lane Who waits: lanes take turns.
   * @throws WarderError `unavailable`, or why the package cannot be loaded; the signal's reason.
   */
  acquire(key: ExecutorKey, lane: string, signal?: AbortSignal): Promise<Assigned> {
    if (this.#closed) return Promise.reject(closed());
    const line = this.#line(key);
    const { promise, resolve, reject } = Promise.withResolvers<Assigned>();
    const leave = line.queue.push(lane, {
      since: this.#clock.monotonic(),
      give: resolve,
      fail: reject,
    });
    const onAbort = (): void => {
      leave();
      reject(new WarderError('cancelled', 'the call was withdrawn'));
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    this.#serve(line);
    return promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Gives an executor back, dead or alive. */
  release(assigned: Assigned): void {
    const { line, executor } = assigned;
    assigned.busy = false;
    if (!executor.usable || this.#closed) {
      void this.#retire(assigned);
      return;
    }
    if (line.queue.size > 0) {
      if (this.#mustYield()) void this.#retire(assigned);
      else this.#hand(assigned);
      return;
    }
    assigned.idleSince = this.#clock.monotonic();
    assigned.rested = false;
    assigned.restedCpuMs = undefined;
    line.idle.push(assigned);
    this.#tendLater(true);
    this.#feedHungry();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#tender);
    const ends: Promise<unknown>[] = [];
    for (const line of this.#lines.values()) {
      clearTimeout(line.timer);
      for (let waiter = line.queue.shift(); waiter; waiter = line.queue.shift()) {
        waiter.fail(closed());
      }
      for (const { executor } of line.executors) ends.push(executor.kill());
    }
    await Promise.all(ends);
  }

  #line(key: ExecutorKey): Line {
    const name = nameOf(key);
    let line = this.#lines.get(name);
    if (line === undefined) {
      line = makeLine(key);
      this.#lines.set(name, line);
    }
    return line;
  }

  #takeIdle(line: Line): Assigned | undefined {
    for (let assigned = line.idle.pop(); assigned; assigned = line.idle.pop()) {
      if (assigned.executor.usable) {
        assigned.busy = true;
        assigned.busySince = this.#clock.monotonic();
        return assigned;
      }
      void this.#retire(assigned);
    }
    return undefined;
  }

  /** Hands a free executor of the line to whoever's turn it is. */
  #hand(assigned: Assigned): void {
    const waiter = assigned.line.queue.shift();
    if (waiter === undefined) {
      this.release(assigned);
      return;
    }
    assigned.busy = true;
    assigned.busySince = this.#clock.monotonic();
    waiter.give(assigned);
  }

  /** Lets the line's waiting calls go on, if something can be done for them. */
  #serve(line: Line): void {
    while (line.queue.size > 0) {
      const idle = this.#takeIdle(line);
      if (idle === undefined) break;
      this.#hand(idle);
    }
    if (line.queue.size === 0) return;
    if (line.executors.size + line.loading === 0) this.#grow(line);
    else this.#growLater(line);
  }

  #growLater(line: Line): void {
    const full = line.executors.size + line.loading >= this.#options.maxPerKey;
    if (full || line.timer !== undefined || this.#closed) return;
    line.timer = setTimeout(() => {
      line.timer = undefined;
      if (line.queue.size === 0) return;
      if (line.loading === 0 && this.#worthGrowing(line)) this.#grow(line);
      this.#growLater(line);
    }, this.#options.growAfterMs);
    line.timer.unref();
  }

  #worthGrowing({ executors }: Line): boolean {
    if (executors.size < this.#options.parallel) return true;
    const before = this.#clock.monotonic() - this.#options.growAfterMs;
    return [...executors].some(({ busy, busySince }) => busy && busySince <= before);
  }

  #grow(line: Line): void {
    if (this.#closed) return;
    if (this.#total >= this.#options.maxExecutors) {
      if (line.executors.size + line.loading > 0) return;
      if (!this.#hungry.has(line)) this.#hungry.set(line, this.#clock.monotonic());
      this.#feedHungry();
      return;
    }
    this.#total += 1;
    line.loading += 1;
    void this.#makeReady(line);
  }

  async #makeReady(line: Line): Promise<void> {
    let executor: ExecutorProcess | undefined;
    try {
      executor = await this.#blanks.take(line.key.jailed);
      await this.#load(executor, line.key);
    } catch (error) {
      line.loading -= 1;
      await executor?.kill();
      this.#total -= 1;
      // Whoever waits gets the reason, unless another executor serves them; the next call tries again.
      if (line.executors.size > 0) return;
      for (let waiter = line.queue.shift(); waiter; waiter = line.queue.shift()) waiter.fail(error);
      this.#forgetIfEmpty(line);
      this.#feedHungry();
      return;
    }
    line.loading -= 1;
    const busySince = this.#clock.monotonic();
    const assigned: Assigned = {
      executor,
      line,
      busy: true,
      busySince,
      idleSince: 0,
      rested: false,
      restedCpuMs: undefined,
    };
    line.executors.add(assigned);
    // It serves one call at least before it may have to give way to another line.
    if (executor.usable && line.queue.size > 0) this.#hand(assigned);
    else this.release(assigned);
  }

  /** Takes an executor out; its place is free once it is dead. */
  async #retire(assigned: Assigned): Promise<void> {
    const { line, executor } = assigned;
    if (!line.executors.delete(assigned)) return;
    const at = line.idle.indexOf(assigned);
    if (at !== -1) line.idle.splice(at, 1);
    this.#dying += 1;
    await executor.kill();
    this.#dying -= 1;
    this.#total -= 1;
    this.#feedHungry();
    this.#serve(line);
    this.#forgetIfEmpty(line);
  }

  #forgetIfEmpty(line: Line): void {
    const used = line.executors.size + line.loading + line.queue.size > 0;
    if (used || this.#lines.get(line.name) !== line) return;
    clearTimeout(line.timer);
    this.#lines.delete(line.name);
  }

  /** Whether a line without any executor has waited so long that a busy one gives way. */
  #mustYield(): boolean {
    if (this.#hungry.size <= this.#dying) return false;
    const before = this.#clock.monotonic() - YIELD_AFTER_MS;
    for (const since of this.#hungry.values()) if (since <= before) return true;
    return false;
  }

  /** Gives free places to the lines that have none, and makes room for them where executors idle. */
  #feedHungry(): void {
    for (const line of this.#hungry.keys()) {
      if (line.queue.size === 0) {
        this.#hungry.delete(line);
        this.#forgetIfEmpty(line);
      } else if (this.#total < this.#options.maxExecutors) {
        this.#hungry.delete(line);
        this.#serve(line);
      }
    }
    while (this.#hungry.size > this.#dying) {
      const idlest = this.#idlest();
      if (idlest === undefined) return;
      void this.#retire(idlest);
    }
  }

  /** The executor that is idle longest. */
  #idlest(): Assigned | undefined {
    let idlest: Assigned | undefined;
    for (const { idle } of this.#lines.values()) {
      for (const assigned of idle) {
        if (idlest === undefined || assigned.idleSince < idlest.idleSince) idlest = assigned;
      }
    }
    return idlest;
  }

  /** Looks after idle executors, soon when some have not rested yet. */
  #tendLater(soon: boolean): void {
    if (this.#closed || (this.#tender !== undefined && !(soon && this.#tenderFar))) return;
    clearTimeout(this.#tender);
    this.#tenderFar = !soon;
    const { restMs, idleMs, lookMs } = this.#options;
    this.#tender = setTimeout(() => this.#tend(), soon ? restMs : Math.min(idleMs / 2, lookMs));
    this.#tender.unref();
  }

  #tend(): void {
    this.#tender = undefined;
    const now = this.#clock.monotonic();
    const { restMs, idleMs } = this.#options;
    let idle = 0;
    let unrested = 0;
    for (const line of this.#lines.values()) {
      for (const assigned of line.idle.slice()) {
        const idleFor = now - assigned.idleSince;
        if (idleFor >= idleMs || !assigned.executor.usable || isRestless(assigned)) {
          void this.#retire(assigned);
          continue;
        }
        idle += 1;
        if (!assigned.rested && idleFor >= restMs) {
          assigned.rested = true;
          assigned.executor.rest();
        }
        if (!assigned.rested) unrested += 1;
      }
    }
    if (idle > 0) this.#tendLater(unrested > 0);
  }
}

function closed(): WarderError {
  return new WarderError('unavailable', 'the sandbox is closed');
}
