// Bounds how many calls are worked on and how many wait, first come first served.

import { WarderError } from '../base/errors/errors.ts';

interface Waiting {
  readonly proceed: () => void;
  readonly giveUp: (error: WarderError) => void;
}

/** Lets `concurrent` calls in; up to `waiting` more queue; others are refused. */
export class Turnstile {
  readonly #concurrent: number;
  readonly #mostWaiting: number;
  readonly #queue: Waiting[] = [];
  #inside = 0;
  #served = 0;

  constructor(concurrent: number, waiting: number) {
    this.#concurrent = concurrent;
    this.#mostWaiting = waiting;
  }

  /** Calls inside now. */
  get running(): number {
    return this.#inside;
  }

  /** Calls that ended. */
  get served(): number {
    return this.#served;
  }

  /**
   * @returns whether it had to wait.
   * @throws WarderError `limit-reached` when the queue is full, `cancelled` when aborted while waiting.
   */
  async enter(signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted === true) throw withdrawn();
    if (this.#inside < this.#concurrent) {
      this.#inside += 1;
      return false;
    }
    if (this.#queue.length >= this.#mostWaiting) {
      throw new WarderError('limit-reached', 'too many calls wait already', {
        hint: 'try again later; the operator sets `limits.waitingCalls` in config.json',
      });
    }
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = { proceed: resolve, giveUp: reject };
      this.#queue.push(waiting);
      const leaveQueue = (): void => {
        const at = this.#queue.indexOf(waiting);
        if (at === -1) return;
        this.#queue.splice(at, 1);
        waiting.giveUp(withdrawn());
      };
      signal?.addEventListener('abort', leaveQueue, { once: true });
    });
    return true;
  }

  leave(): void {
    this.#served += 1;
    const next = this.#queue.shift();
    if (next === undefined) this.#inside -= 1;
    else next.proceed();
  }
}

/** The caller took a call back before anything ran for it. */
export function withdrawn(): WarderError {
  return new WarderError('cancelled', 'the call was withdrawn before it started', {
    hint: 'nothing ran and nothing was spent',
  });
}

/** One call's passage; leaves by itself at the end of its scope if it was let in. */
export class Ticket implements Disposable {
  readonly #turnstile: Turnstile;
  #inside = false;

  constructor(turnstile: Turnstile) {
    this.#turnstile = turnstile;
  }

  /** @returns whether it had to wait. Throws as {@link Turnstile.enter}. */
  async admitted(signal?: AbortSignal): Promise<boolean> {
    const waited = await this.#turnstile.enter(signal);
    this.#inside = true;
    return waited;
  }

  [Symbol.dispose](): void {
    if (this.#inside) this.#turnstile.leave();
    this.#inside = false;
  }
}
