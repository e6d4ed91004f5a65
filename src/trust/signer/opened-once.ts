// What is opened once and then stays open. A failure is found out anew by who asks next, and not within half a second.

import { systemClock } from '../../base/clock/clock.ts';

/** How long a failure stands for those that come after it, milliseconds. */
const REST_MS = 500;

/** Who asks while it is being opened waits for the same. */
export class OpenedOnce<T> {
  readonly #open: () => Promise<T>;
  #opening: Promise<T> | undefined;
  #failure: { readonly error: unknown; readonly until: number } | undefined;

  /** @param open is not called again once it has succeeded. */
  constructor(open: () => Promise<T>) {
    this.#open = open;
  }

  /** @throws what opening throws. */
  get(): Promise<T> {
    if (this.#opening !== undefined) return this.#opening;
    if (this.#failure !== undefined && systemClock.monotonic() < this.#failure.until) {
      return Promise.reject(this.#failure.error);
    }
    const opening = this.#open();
    this.#opening = opening;
    opening.catch((error: unknown) => {
      this.#opening = undefined;
      this.#failure = { error, until: systemClock.monotonic() + REST_MS };
    });
    return opening;
  }

  /** What is open or being opened, if anything is. */
  get pending(): Promise<T> | undefined {
    return this.#opening;
  }
}
