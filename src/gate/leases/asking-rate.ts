// How often one principal may ask within a minute. Kept in memory: after a restart everybody starts anew.

import { WarderError } from '../../base/errors/errors.ts';

const WINDOW_MS = 60_000;
/** Principals remembered; the one that came first is forgotten. */
const REMEMBERED = 4096;

export class AskingRate {
  readonly #most: number;
  readonly #what: string;
  /** Monotonic milliseconds of the last questions. */
  readonly #asked = new Map<string, number[]>();

  /** @param what plural, for the message. */
  constructor(most: number, what: string) {
    this.#most = most;
    this.#what = what;
  }

  /**
   * Counts one.
   *
   * @param now monotonic milliseconds.
   * @throws WarderError `limit-reached`.
   */
  take(who: string, now: number): void {
    const recent = (this.#asked.get(who) ?? []).filter((at) => now - at < WINDOW_MS);
    if (recent.length >= this.#most) {
      throw new WarderError('limit-reached', `too many ${this.#what} within a minute`, {
        hint: 'wait a little before asking again',
        data: { limit: this.#most, seconds: WINDOW_MS / 1000 },
      });
    }
    if (!this.#asked.has(who) && this.#asked.size >= REMEMBERED) {
      for (const oldest of this.#asked.keys()) {
        this.#asked.delete(oldest);
        break;
      }
    }
    this.#asked.set(who, [...recent, now]);
  }
}
