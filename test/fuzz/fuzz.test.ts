// A bounded sample of every fuzz target at a fixed seed; `npm run fuzz` does the long runs.

import { expect, test } from 'vitest';
import { describeMet, runCampaign } from './campaign.ts';
import { again, describeEnd } from './long-runs.ts';
import { TARGETS } from './targets.ts';

const SEED = 20_260_101;

for (const [name, { about, runs }] of TARGETS) {
  if (runs.sample === 0) continue;
  const counts = `${String(runs.sample)} of ${String(runs.long)} in a long run`;
  test(`${name}: ${about} (${counts})`, { timeout: 180_000 }, async () => {
    const target = TARGETS.get(name);
    if (target === undefined) throw new Error(name);
    const end = await runCampaign(target, { seed: SEED, from: 0, runs: runs.sample });
    console.log(`${name}: ${describeEnd(end)}; met ${describeMet(end.met)}`);
    if (end.finding !== undefined) {
      const { index, error } = end.finding;
      throw new Error(`found; again: ${again('fuzz', name, SEED, index)}`, { cause: error });
    }
    expect(end.runs).toBe(runs.sample);
    // Both good and bad ends were met: the inputs are neither all noise nor all fine.
    expect(end.met.size).toBeGreaterThan(1);
  });
}
