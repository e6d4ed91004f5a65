// `npm run soak -- [CAMPAIGN...] [--count N | --seconds N] [--seed N] [--from N]`: crashes of a receipt log, one
// kind of them or all, for long. What does not hold ends it with exit code 1 and how to do it again.

import { parseArgs } from 'node:util';
import { describeMet, runCampaign } from '../fuzz/campaign.ts';
import type { FuzzTarget } from '../fuzz/target.ts';
import { CAMPAIGNS } from './campaigns.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string' },
  },
});

function number(name: keyof typeof values): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) usage(`--${name} takes a whole number`);
  return Number(text);
}

function usage(message: string): never {
  console.error(`error[usage]: ${message}`);
  console.error(`hint: campaigns are ${[...CAMPAIGNS.keys()].join(', ')}`);
  process.exit(2);
}

async function soak(name: string, campaign: FuzzTarget, seed: number): Promise<boolean> {
  const seconds = number('seconds');
  const runs = number('count') ?? (seconds === undefined ? campaign.runs.long : Infinity);
  console.log(`${name}: ${campaign.about}; seed ${String(seed)}`);
  const start = performance.now();
  const end = await runCampaign(campaign, {
    seed,
    from: number('from') ?? 0,
    runs,
    ...(seconds === undefined ? {} : { milliseconds: seconds * 1000 }),
  });
  const took = ((performance.now() - start) / 1000).toFixed(1);
  const of = end.of === undefined ? '' : ` of ${String(end.of)}`;
  console.log(`${name}: ${String(end.runs)}${of} runs in ${took} s; met ${describeMet(end.met)}`);
  if (end.finding === undefined) return true;
  const { index, error } = end.finding;
  console.error(`error[${name}]:`, error);
  console.error(
    `hint: npm run soak -- ${name} --seed ${String(seed)} --from ${String(index)} --count 1`,
  );
  return false;
}

const names = positionals.length > 0 ? positionals : [...CAMPAIGNS.keys()];
const seed = number('seed') ?? Math.floor(Date.now() / 1000);
let clean = true;
for (const name of names) {
  const campaign = CAMPAIGNS.get(name);
  if (campaign === undefined) usage(`there is no campaign \`${name}\``);
  clean = (await soak(name, campaign, seed)) && clean;
}
process.exit(clean ? 0 : 1);
