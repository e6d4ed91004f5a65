// Executors that are up and hold nothing yet, kept so that a first call waits for no process to start.

import { WarderError } from '../../base/errors/errors.ts';
import { type ExecutorOptions, ExecutorProcess } from './executor-process.ts';

/** A call takes the executor first; its successor starts a little later. */
const REFILL_DELAY_MS = 10;
/** Grows with each start that fails, so that a broken bundle does not spin. */
const RETRY_DELAY_MS = 250;
const MAX_RETRY_DELAY_MS = 10_000;

export class Blanks {
  readonly #options: ExecutorOptions;
  readonly #count: number;
  readonly #blanks = new Set<ExecutorProcess>();
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
      void this.#start().then(
        () => this.refill(),
        () => this.refill(Math.min(RETRY_DELAY_MS * 2 ** this.#failures, MAX_RETRY_DELAY_MS)),
      );
    }, delayMs);
    this.#timer.unref();
  }

  /**
   * An executor that is up, nobody else's.
   *
   * @throws WarderError `unavailable` when none can be started.
   */
  async take(): Promise<ExecutorProcess> {
    for (const blank of this.#blanks) {
      this.#blanks.delete(blank);
      this.refill();
      if (await isUp(blank)) return blank;
    }
    const fresh = await this.#start();
    this.#blanks.delete(fresh);
    this.refill();
    return fresh;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#blanks].map((blank) => blank.kill()));
  }

  async #start(): Promise<ExecutorProcess> {
    if (this.#closed) throw new WarderError('unavailable', 'the sandbox is closed');
    let blank: ExecutorProcess;
    try {
      blank = new ExecutorProcess(this.#options);
      this.#started += 1;
      this.#blanks.add(blank);
      void blank.exited.then(() => {
        if (this.#blanks.delete(blank)) this.refill(RETRY_DELAY_MS);
      });
      await blank.ready;
    } catch (cause) {
      this.#failures += 1;
      throw new WarderError('unavailable', 'no executor could be started', {
        cause,
        hint: 'run `warder doctor`; reinstall when the executor bundle is missing',
      });
    }
    this.#failures = 0;
    return blank;
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
