// The bytes one call may still move over the network, shared by all its requests.

import { assertPermit, type Permit } from '../../decide/policy/permit.ts';

/** Counts request and response bytes, the latter after decompression. */
export interface NetBudget {
  readonly limit: number;
  readonly remaining: number;
  /** Takes `bytes`, or takes nothing and gives false when fewer are left. */
  take(bytes: number): boolean;
}

/**
 * The budget of one call: `limits.netBytes` of its permit.
 *
 * @throws TypeError when `permit` is not a permit of this process.
 */
export function createNetBudget(permit: Permit): NetBudget {
  assertPermit(permit);
  return new Budget(permit.terms.limits.netBytes);
}

class Budget implements NetBudget {
  readonly limit: number;
  #spent = 0;

  constructor(limit: number) {
    this.limit = Number.isSafeInteger(limit) && limit > 0 ? limit : 0;
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
}
