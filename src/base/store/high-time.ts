// The highest wall time this home has seen, so that a clock set back cannot revive what expired.

import type { Clock } from '../clock/clock.ts';
import { WarderError } from '../errors/errors.ts';
import { isScrubbing, type Store, type Table, type Traces, type Tx } from './store.ts';

/** Milliseconds a clock may be behind the highest time seen: what NTP steps in ordinary life. */
export const TOLERANCE_MS = 60_000;

/** How far the kept value may lag the highest time seen; far below the tolerance. */
const KEEP_EVERY_MS = 1000;

const KEY = 'high-time';
const TENANT = 'default';

/** The row of the highest time, in table `meta`. */
export interface HighTimeRow {
  readonly highTime: number;
}

/** Table `meta`, as this room uses it. */
export const highTimeTable: Table<HighTimeRow> = { name: 'meta', indexes: {} };

/** A store that remembers time and a clock that answers to it. */
export interface TimedStore {
  /** The same store; commits also keep the highest time, in a transaction that happens anyway. */
  readonly store: Store;
  /** `wall()` throws `unavailable` when it is more than {@link TOLERANCE_MS} behind. */
  readonly clock: Clock;
}

/**
 * Joins a clock to a store that was opened with the `meta` table. The highest time costs no
 * commit of its own: at most once a second one row more is written by a commit under way.
 */
export function keepHighTime(store: Store, clock: Clock): TimedStore {
  let highest = store.read((reader) => reader.get(highTimeTable, TENANT, KEY))?.highTime ?? 0;
  let kept = highest;

  function wall(): number {
    const now = clock.wall();
    if (!(now >= highest - TOLERANCE_MS)) {
      throw new WarderError(
        'unavailable',
        `the clock says ${iso(now)}, but this home has seen ${iso(highest)}`,
        { hint: 'set the machine’s clock; leases and approvals must not come back to life' },
      );
    }
    if (now > highest) highest = now;
    return now;
  }

  async function commit<T>(work: (tx: Tx) => T): Promise<T> {
    let keeping: number | undefined;
    const result = await store.commit((tx) => {
      const value = work(tx);
      const now = clock.wall();
      if (now > highest) highest = now;
      if (highest >= kept + KEEP_EVERY_MS) {
        keeping = highest;
        tx.put(highTimeTable, TENANT, KEY, { highTime: highest });
      }
      return value;
    });
    if (keeping !== undefined && keeping > kept) kept = keeping;
    return result;
  }

  return {
    clock: { wall, monotonic: () => clock.monotonic() },
    store: {
      commit,
      read: (work) => store.read(work),
      close: () => store.close(),
      ...(isScrubbing(store) ? { scrub: (traces: Traces) => store.scrub(traces) } : {}),
    },
  };
}

function iso(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString();
}
