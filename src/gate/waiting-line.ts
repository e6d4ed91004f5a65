// A bounded number of places and a bounded line in front of them, in which principals take turns.

import { WarderError } from '../base/errors/errors.ts';
import { FairQueue } from '../run/sandbox/fair-queue.ts';

/** Who comes. */
export interface Comer {
  /** Lanes take turns. */
  readonly lane: string;
  readonly signal?: AbortSignal | undefined;
}

/** How much room there is, and how to say that there is none. */
export interface Room {
  readonly places: number;
  readonly waiting: number;
  readonly full: () => WarderError;
}

interface Waiter {
  readonly proceed: () => void;
  readonly giveUp: (error: WarderError) => void;
}

export class WaitingLine {
  readonly #queue = new FairQueue<Waiter>();
  #inside = 0;
  #places = 0;

  /** Those that have a place. */
  get inside(): number {
    return this.#inside;
  }

  /** Whether nobody has a place and nobody waits. */
  get empty(): boolean {
    return this.#inside === 0 && this.#queue.size === 0;
  }

  /**
   * Takes a place at once, if there is one.
   *
   * @throws WarderError `cancelled` when the comer has left already.
   */
  tryEnter({ signal }: Comer, { places }: Room): boolean {
    if (signal?.aborted === true) throw withdrawn();
    this.#places = places;
    this.#callIn();
    if (this.#queue.size > 0 || this.#inside >= places) return false;
    this.#inside += 1;
    return true;
  }

  /**
   * Waits for a place. Where the line is full, the longest lane gives up its last.
   *
   * @throws WarderError as `full` says, `cancelled` when the comer leaves.
   */
  async wait({ lane, signal }: Comer, { waiting, full }: Room): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = this.#queue.push(lane, { proceed: resolve, giveUp: reject });
    if (this.#queue.size > waiting) this.#queue.dropLast()?.giveUp(full());
    const onAbort = (): void => {
      leave();
      reject(withdrawn());
    };
    signal?.addEventListener('abort', onAbort);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  leave(): void {
    this.#inside -= 1;
    this.#callIn();
  }

  #callIn(): void {
    while (this.#inside < this.#places) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#inside += 1;
      next.proceed();
    }
  }
}

/** The caller took a call back before anything ran for it. */
export function withdrawn(): WarderError {
  return new WarderError('cancelled', 'the call was withdrawn before it started', {
    hint: 'nothing ran and nothing was spent',
  });
}
