// Executors that are up and hold nothing yet, kept so that a first call waits for no process to start.

import { WarderError } from '../../base/errors/errors.ts';
import { type ExecutorOptions, ExecutorProcess } from './executor-process.ts';
import { withoutJail } from './without-jail.ts';

/** A call takes the executor first; its successor starts a little later. */
const REFILL_DELAY_MS = 10;
/** Grows with each start that fails, so that a broken bundle does not spin. */
const RETRY_DELAY_MS = 250;
const MAX_RETRY_DELAY_MS = 10_000;

export class Blanks {
  readonly #options: ExecutorOptions;
  readonly #count: number;
  readonly #blanks = new Set<ExecutorProcess>();
  readonly #starting = new Set<ExecutorProcess>();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;
  #started = 0;

  constructor(options: ExecutorOptions, count: number) {
    this.#options = options;
    this.#count = count;
  }

  get size(): number {
    return this.#blanks.size;
  }

  /** Processes started so far. */
  get started(): number {
    return this.#started;
  }

  /** Starts what is missing, one process after the other. */
  refill(delayMs: number = REFILL_DELAY_MS): void {
    if (this.#closed || this.#timer !== undefined || this.#blanks.size >= this.#count) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#startBlank().then(
        () => this.refill(),
        () => this.refill(Math.min(RETRY_DELAY_MS * 2 ** this.#failures, MAX_RETRY_DELAY_MS)),
      );
    }, delayMs);
    this.#timer.unref();
  }

  /**
   * An executor that is up, nobody else's.
   *
   * @param jailed Whether it must be in the jail; one that must not is started for the purpose.
   * @throws WarderError `unavailable` when none can be started.
   */
  async take(jailed: boolean): Promise<ExecutorProcess> {
    const { jail, ...unjailed } = this.#options;
    if (jailed !== (jail !== undefined)) {
      if (jailed) throw withoutJail();
      return this.#start(unjailed);
    }
    for (const blank of this.#blanks) {
      this.#blanks.delete(blank);
      this.refill();
      if (await isUp(blank)) return blank;
    }
    const fresh = await this.#start(this.#options);
    this.refill();
    return fresh;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#blanks, ...this.#starting].map((each) => each.kill()));
  }

  /** Starts one that is kept: whoever comes before it is up waits for it. */
  async #startBlank(): Promise<void> {
    await this.#start(this.#options, (blank) => {
      this.#blanks.add(blank);
      void blank.exited.then(() => {
        if (this.#blanks.delete(blank)) this.refill(RETRY_DELAY_MS);
      });
    });
  }

  async #start(
    options: ExecutorOptions,
    begun: (executor: ExecutorProcess) => void = () => {},
  ): Promise<ExecutorProcess> {
    if (this.#closed) throw new WarderError('unavailable', 'the sandbox is closed');
    let executor: ExecutorProcess | undefined;
    try {
      executor = new ExecutorProcess(options);
      this.#started += 1;
      this.#starting.add(executor);
      begun(executor);
      await executor.ready;
    } catch (cause) {
      this.#failures += 1;
      throw new WarderError('unavailable', 'no executor could be started', {
        cause,
        hint: 'run `warder doctor`; reinstall when the executor bundle is missing',
      });
    } finally {
      if (executor !== undefined) this.#starting.delete(executor);
    }
    this.#failures = 0;
    return executor;
  }
}

async function isUp(blank: ExecutorProcess): Promise<boolean> {
  try {
    await blank.ready;
    return blank.usable;
  } catch {
    return false;
  }
}
