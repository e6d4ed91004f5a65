// Who uses a device next: leases before checkpoints, and yet no checkpoint waits for ever.

import { WarderError } from '../../base/errors/errors.ts';
import type { SignKind } from './signer.ts';

interface Waiting {
  start(): void;
  refuse(error: WarderError): void;
}

/**
 * Hands a device to one piece of work after the other, or to as many at once as it takes. While others
 * wait, a checkpoint goes after one of them and before the next: checkpoints get at most every other turn,
 * and so at most half of the device's time. There is no timer in it: what waits goes when a turn ends.
 */
export class DeviceQueue {
  readonly #width: number;
  readonly #urgent: Waiting[] = [];
  readonly #checkpoints: Waiting[] = [];
  #running = 0;
  #checkpointNext = false;
  #closed = false;

  /** @param width pieces of work the device takes at once; a TPM takes one. */
  constructor(width: number) {
    this.#width = width;
  }

  /** @throws what `work` throws; WarderError `unavailable` once closed. */
  run<T>(kind: SignKind, work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closed());
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting: Waiting = {
      start: () => {
        this.#running += 1;
        void attempt(work)
          .then(resolve, reject)
          .finally(() => {
            this.#running -= 1;
            this.#startWaiting();
          });
      },
      refuse: reject,
    };
    (kind === 'checkpoint' ? this.#checkpoints : this.#urgent).push(waiting);
    this.#startWaiting();
    return promise;
  }

  /** Refuses who waits; work under way ends by itself. */
  close(): void {
    this.#closed = true;
    for (const queue of [this.#urgent, this.#checkpoints]) {
      for (const waiting of queue.splice(0)) waiting.refuse(closed());
    }
  }

  #startWaiting(): void {
    while (this.#running < this.#width) {
      const next = this.#next();
      if (next === undefined) return;
      next.start();
    }
  }

  #next(): Waiting | undefined {
    const checkpoint = this.#urgent.length === 0 || this.#checkpointNext;
    const next = checkpoint ? this.#checkpoints.shift() : undefined;
    this.#checkpointNext = next === undefined;
    return next ?? this.#urgent.shift();
  }
}

/** What throws at once is refused like what is refused later. */
async function attempt<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

function closed(): WarderError {
  return new WarderError('unavailable', 'the signer is closed');
}
