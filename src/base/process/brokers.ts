// A bounded number of brokers, one for each key at most; one blank one waits so that a first use
// starts no process.

import type { Clock } from '../clock/clock.ts';
import { WarderError } from '../errors/errors.ts';
import type { Broker } from './broker.ts';

export interface BrokersOptions {
  /** Starts a blank broker. */
  readonly start: () => Broker;
  readonly clock: Clock;
  /** Brokers kept at most; of those that have nothing to do the one idle longest makes room. */
  readonly most: number;
  /** Milliseconds a broker may idle before it is ended. */
  readonly idleMs: number;
}

interface Kept {
  readonly broker: Promise<Broker>;
  /** Once it is up. */
  live?: Broker;
  usedAt: number;
}

export class Brokers {
  readonly #options: BrokersOptions;
  readonly #kept = new Map<string, Kept>();
  #blank: Broker | undefined;
  #tender: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BrokersOptions) {
    this.#options = options;
  }

  /** Starts the blank one. */
  warm(): void {
    if (this.#closed || this.#blank?.usable === true) return;
    this.#blank = this.#options.start();
  }

  /**
   * The broker of a key: the one it had, or the blank one, made its own by `prepare`.
   *
   * @throws WarderError `unavailable` when none can be started, or all there may be are busy: what
   *   one key has under way is not ended for another's sake.
   */
  async of(key: string, prepare: (broker: Broker) => Promise<void>): Promise<Broker> {
    if (this.#closed) throw new WarderError('unavailable', 'the brokers are closed');
    const now = this.#options.clock.monotonic();
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      kept.usedAt = now;
      const broker = await kept.broker;
      if (broker.usable) return broker;
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
      return this.of(key, prepare);
    }
    this.#makeRoom();
    const made: Kept = { broker: this.#take(prepare), usedAt: now };
    this.#kept.set(key, made);
    this.#tendLater();
    try {
      made.live = await made.broker;
      return made.live;
    } catch (cause) {
      if (this.#kept.get(key) === made) this.#kept.delete(key);
      throw new WarderError('unavailable', 'a broker process could not be started', {
        cause,
        hint: 'run `warder doctor`; reinstall when a broker bundle is missing',
      });
    }
  }

  /** Brokers in use. */
  async list(): Promise<readonly { readonly key: string; readonly pid: number }[]> {
    return Promise.all(
      [...this.#kept].map(async ([key, { broker }]) => ({ key, pid: (await broker).pid })),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#tender);
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all([this.#blank?.kill(), ...kept.map(end)]);
  }

  async #take(prepare: (broker: Broker) => Promise<void>): Promise<Broker> {
    const blank = this.#blank?.usable === true ? this.#blank : this.#options.start();
    this.#blank = undefined;
    await blank.ready;
    await prepare(blank);
    this.warm();
    return blank;
  }

  #makeRoom(): void {
    if (this.#kept.size < this.#options.most) return;
    const [idlest] = [...this.#kept]
      .filter(([, { live }]) => live?.busy === 0)
      .sort(([, a], [, b]) => a.usedAt - b.usedAt);
    if (idlest === undefined) {
      throw new WarderError('unavailable', `all of ${this.#options.most} processes are busy`, {
        hint: 'try again when fewer tools run at once',
      });
    }
    this.#kept.delete(idlest[0]);
    void end(idlest[1]);
  }

  #tendLater(): void {
    if (this.#tender !== undefined || this.#closed) return;
    this.#tender = setTimeout(() => {
      this.#tender = undefined;
      const before = this.#options.clock.monotonic() - this.#options.idleMs;
      for (const [key, kept] of this.#kept) {
        if (kept.usedAt > before || kept.live?.busy !== 0) continue;
        this.#kept.delete(key);
        void end(kept);
      }
      if (this.#kept.size > 0) this.#tendLater();
    }, this.#options.idleMs / 2);
    this.#tender.unref();
  }
}

async function end({ broker }: Kept): Promise<void> {
  try {
    await (await broker).kill();
  } catch {
    // It never started.
  }
}
