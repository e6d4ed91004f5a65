// Ends what takes too long. One timer looks after all requests, because one for each costs more than
// what it watches.

const TICK_MS = 20;

interface Watched {
  /** Monotonic milliseconds. */
  due: number;
  readonly expire: () => void;
}

/** Something that must be over by a certain time. */
export interface Deadline {
  /** `ms` from now, in the place of what was said before. */
  set(ms: number): void;
  clear(): void;
}

const watched = new Set<Watched>();
let ticker: NodeJS.Timeout | undefined;

/** @param expire called once at most, some milliseconds late. */
export function deadline(expire: () => void): Deadline {
  const own: Watched = { due: Number.POSITIVE_INFINITY, expire };
  return {
    set: (ms) => {
      own.due = performance.now() + ms;
      watched.add(own);
      ticker ??= setInterval(tick, TICK_MS);
    },
    clear: () => {
      watched.delete(own);
    },
  };
}

function tick(): void {
  if (watched.size === 0) {
    clearInterval(ticker);
    ticker = undefined;
    return;
  }
  const now = performance.now();
  for (const one of watched) {
    if (one.due > now) continue;
    watched.delete(one);
    one.expire();
  }
}
