// What one call may still send and receive, shared by all its requests and kept by the daemon: a
// broker that dies takes what it held with it, and gets no fresh one.

import { assertPermit, type Permit } from '../../decide/policy/permit.ts';

/** Counts requests, and request and response bytes, the latter after decompression. */
export interface NetBudget {
  readonly limit: number;
  readonly remaining: number;
  /** Takes `bytes`, or takes nothing and gives false when fewer are left. */
  take(bytes: number): boolean;
  /** Takes up to `most` bytes for an answer whose length nobody knows. */
  reserve(most: number): Reservation;
  /** Takes one request; false when there is none left. */
  takeRequest(): boolean;
  readonly requests: number;
}

/** Bytes set aside. Those not settled are spent. */
export interface Reservation {
  readonly bytes: number;
  /** Gives back what was not used; once. */
  settle(used: number): void;
}

/**
 * The budget of one call: `limits.netBytes` and `limits.requests` of its permit.
 *
 * @throws TypeError when `permit` is not a permit of this process.
 */
export function createNetBudget(permit: Permit): NetBudget {
  assertPermit(permit);
  const { netBytes, requests } = permit.terms.limits;
  return new Budget(netBytes, requests);
}

class Budget implements NetBudget {
  readonly limit: number;
  readonly requests: number;
  #spent = 0;
  #sent = 0;

  constructor(limit: number, requests: number) {
    this.limit = count(limit);
    this.requests = count(requests);
  }

  get remaining(): number {
    return this.limit - this.#spent;
  }

  take(bytes: number): boolean {
    // A negative or NaN amount would be a refund.
    if (!(bytes >= 0) || bytes > this.remaining) return false;
    this.#spent += bytes;
    return true;
  }

  reserve(most: number): Reservation {
    const bytes = Math.max(0, Math.min(most, this.remaining));
    this.#spent += bytes;
    let settled = false;
    return {
      bytes,
      settle: (used) => {
        if (settled || !(used >= 0)) return;
        settled = true;
        this.#spent -= Math.max(0, bytes - used);
      },
    };
  }

  takeRequest(): boolean {
    if (this.#sent >= this.requests) return false;
    this.#sent += 1;
    return true;
  }
}

function count(value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}
