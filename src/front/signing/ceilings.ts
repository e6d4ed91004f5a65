// What a signer process lets leases say at most, whatever the daemon decided. Its own config says so, its own
// clocks say when.

import type { Clock } from '../../base/clock/clock.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { LeaseClaims } from '../../trust/lease/lease.ts';
import { parseSigningInput } from '../../trust/lease/token.ts';
import type { Admitter } from '../../trust/signer/signer.ts';

export interface Ceilings {
  /** Longest life of a lease, seconds. */
  readonly ttl: number;
  /** The same of one that anybody may use who has it, seconds; 0: none is signed without a holder. */
  readonly bearerTtl: number;
  /** Latest end that a lease may ever be given by signing it anew, seconds after its date. */
  readonly maxLife: number;
  /** Deepest lease that may be made from one, 0 to 4; 0: none is delegated. */
  readonly depth: number;
  /** Leases signed within any minute. */
  readonly leasesPerMinute: number;
}

/** What an install starts with: no more than the daemon itself would ever ask for. */
export const defaultCeilings: Ceilings = {
  ttl: 86_400,
  bearerTtl: 300,
  maxLife: 30 * 86_400,
  depth: 4,
  leasesPerMinute: 6_000,
};

/** How far the dates in what is signed may be off the signer's own clock, seconds. */
export const SKEW_SECONDS = 120;
const MINUTE_MS = 60_000;
/** Slots a minute is counted in. */
const SLOTS = 60;

/**
 * Refuses leases beyond the ceilings. Comes after what looks at their form, and before what remembers them; one
 * that is refused is not counted.
 */
export function ceilingAdmitter(ceilings: Ceilings, clock: Clock): Admitter {
  const rate = new MinuteRate(ceilings.leasesPerMinute, () => clock.monotonic());
  return {
    kind: 'lease',
    admit({ payload }) {
      const { claims } = parseSigningInput(decodeUtf8(payload));
      const why = excess(claims, ceilings, clock.wall() / 1000);
      if (why !== undefined) {
        throw new WarderError('not-trusted', `beyond the ceilings of the signer: ${why}`, {
          hint: 'ask for less, or have the operator of the signer raise `ceilings` in its signer.json',
        });
      }
      if (rate.take()) return;
      throw new WarderError(
        'limit-reached',
        `the signer signs ${ceilings.leasesPerMinute} leases a minute`,
        { hint: 'try again later, or have the operator of the signer raise `leasesPerMinute`' },
      );
    },
  };
}

function excess(claims: LeaseClaims, most: Ceilings, now: number): string | undefined {
  const { iat, exp, cnf, max_exp: latest = exp, del_max: depth } = claims;
  if (Math.abs(iat - now) > SKEW_SECONDS) return 'it is not dated now';
  if (exp - iat > most.ttl) return `it lives longer than ${most.ttl} s`;
  if (cnf === undefined && most.bearerTtl === 0) return 'it is bound to nobody';
  if (cnf === undefined && exp - iat > most.bearerTtl) {
    return `it is bound to nobody and lives longer than ${most.bearerTtl} s`;
  }
  if (latest - iat > Math.max(most.maxLife, most.ttl)) {
    return `it may be signed anew for longer than ${most.maxLife} s`;
  }
  if (depth > most.depth) return `leases may be made from it deeper than ${most.depth}`;
  return undefined;
}

/** Counts in slots of a second, so that it takes the same room whatever the rate is. */
class MinuteRate {
  readonly #most: number;
  readonly #now: () => number;
  readonly #slots: number[] = Array.from({ length: SLOTS }, () => 0);
  #slot: number;
  #count = 0;

  constructor(most: number, now: () => number) {
    this.#most = most;
    this.#now = now;
    this.#slot = this.#slotNow();
  }

  take(): boolean {
    const now = this.#slotNow();
    // At most once around: then all of it is long ago.
    for (let passed = Math.min(now - this.#slot, SLOTS); passed > 0; passed -= 1) {
      const at = (now - passed + 1) % SLOTS;
      this.#count -= this.#slots[at] ?? 0;
      this.#slots[at] = 0;
    }
    this.#slot = Math.max(this.#slot, now);
    if (this.#count >= this.#most) return false;
    const at = this.#slot % SLOTS;
    this.#slots[at] = (this.#slots[at] ?? 0) + 1;
    this.#count += 1;
    return true;
  }

  #slotNow(): number {
    return Math.floor(this.#now() / (MINUTE_MS / SLOTS));
  }
}
