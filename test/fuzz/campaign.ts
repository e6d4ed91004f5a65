// Tries one target over and over until the count or the time is reached, or something is found.

import { Finding, type FuzzTarget } from './target.ts';
import { Random } from './random.ts';

export interface Campaign {
  readonly seed: number;
  /** Number of the first try. */
  readonly from: number;
  readonly runs: number;
  /** Ends earlier when so many milliseconds have gone by. */
  readonly milliseconds?: number;
}

export interface CampaignEnd {
  readonly runs: number;
  /** How many different ones there are, where that is known. */
  readonly of: number | undefined;
  readonly met: ReadonlyMap<string, number>;
  readonly finding?: {
    readonly index: number;
    readonly error: unknown;
    readonly input?: Uint8Array;
  };
}

export async function runCampaign(target: FuzzTarget, campaign: Campaign): Promise<CampaignEnd> {
  const { seed, from, runs, milliseconds = Infinity } = campaign;
  const until = performance.now() + milliseconds;
  const session = await target.open();
  try {
    const end = Math.min(runs, (session.tries ?? Infinity) - from);
    for (let done = 0; done < end; done += 1) {
      if (performance.now() > until) return { runs: done, of: session.tries, met: session.met };
      const index = from + done;
      try {
        await session.run(new Random(seed, index), index);
      } catch (error) {
        const input = error instanceof Finding ? error.input : undefined;
        const finding = { index, error, ...(input === undefined ? {} : { input }) };
        return { runs: done + 1, of: session.tries, met: session.met, finding };
      }
    }
    return { runs: Math.max(0, end), of: session.tries, met: session.met };
  } finally {
    await session.close();
  }
}

/** `answered 12, failed 30`. */
export function describeMet(met: ReadonlyMap<string, number>): string {
  const sorted = [...met].sort(([, a], [, b]) => b - a);
  return sorted.map(([what, count]) => `${what} ${String(count)}`).join(', ') || 'nothing';
}
