// A fixed sample of a campaign, for `npm test`; `npm run soak` does the long runs.

import { expect } from 'vitest';
import { describeMet, runCampaign } from '../fuzz/campaign.ts';
import { again, describeEnd } from '../fuzz/long-runs.ts';
import { CAMPAIGNS } from './campaigns.ts';

const SEED = 20_261_121;

/** Milliseconds a sample may take on a busy machine. */
export const SAMPLE_TIMEOUT = 180_000;

/** Runs the sample. @returns how often each end was met. */
export async function runSample(name: string): Promise<ReadonlyMap<string, number>> {
  const campaign = CAMPAIGNS.get(name);
  if (campaign === undefined) throw new Error(name);
  const end = await runCampaign(campaign, { seed: SEED, from: 0, runs: campaign.runs.sample });
  console.log(`${name}: ${describeEnd(end)}; met ${describeMet(end.met)}`);
  if (end.finding !== undefined) {
    const { index, error } = end.finding;
    throw new Error(`does not hold; again: ${again('soak', name, SEED, index)}`, { cause: error });
  }
  expect(end.runs).toBe(campaign.runs.sample);
  return end.met;
}
