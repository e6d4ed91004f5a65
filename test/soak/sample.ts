// A fixed sample of a campaign, for `npm test`; `npm run soak` does the long runs.

import { expect } from 'vitest';
import { describeMet, runCampaign } from '../fuzz/campaign.ts';
import { CAMPAIGNS } from './campaigns.ts';

const SEED = 20_261_121;

/** Milliseconds a sample may take on a busy machine. */
export const SAMPLE_TIMEOUT = 180_000;

/** Runs the sample. @returns how often each end was met. */
export async function runSample(name: string): Promise<ReadonlyMap<string, number>> {
  const campaign = CAMPAIGNS.get(name);
  if (campaign === undefined) throw new Error(name);
  const end = await runCampaign(campaign, { seed: SEED, from: 0, runs: campaign.runs.sample });
  const of = end.of === undefined ? '' : ` of ${String(end.of)}`;
  console.log(`${name}: ${String(end.runs)}${of} runs; met ${describeMet(end.met)}`);
  if (end.finding !== undefined) {
    const again = `npm run soak -- ${name} --seed ${String(SEED)} --from ${String(end.finding.index)} --count 1`;
    throw new Error(`does not hold; again: ${again}`, { cause: end.finding.error });
  }
  expect(end.runs).toBe(campaign.runs.sample);
  return end.met;
}
