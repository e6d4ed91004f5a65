// `npm run fuzz -- [--target NAME] [--runs N | --seconds N] [--seed N] [--from N]`: one target or all of
// them, for long. A finding ends it with exit code 1, the input that led to it, and how to do it again.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMet, runCampaign } from './campaign.ts';
import type { FuzzTarget } from './target.ts';
import { TARGETS } from './targets.ts';

const root = resolve(import.meta.dirname, '../..');

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string' },
  },
});

function count(name: 'runs' | 'seconds' | 'seed' | 'from'): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) usage(`--${name} takes a whole number`);
  return Number(text);
}

function usage(message: string): never {
  console.error(`error[usage]: ${message}`);
  console.error(`hint: targets are ${[...TARGETS.keys()].join(', ')}`);
  process.exit(2);
}

async function fuzz(name: string, target: FuzzTarget, seed: number): Promise<boolean> {
  const seconds = count('seconds');
  const runs = count('runs') ?? (seconds === undefined ? target.runs.long : Infinity);
  console.log(`${name}: ${target.about}; seed ${String(seed)}`);
  const start = performance.now();
  const end = await runCampaign(target, {
    seed,
    from: count('from') ?? 0,
    runs,
    ...(seconds === undefined ? {} : { milliseconds: seconds * 1000 }),
  });
  const took = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name}: ${String(end.runs)} runs in ${took} s; met ${describeMet(end.met)}`);
  if (end.finding === undefined) return true;
  const { index, error, input } = end.finding;
  console.error(`error[${name}]:`, error);
  if (input !== undefined) {
    const folder = join(root, '.cache', 'fuzz');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}-${String(seed)}-${String(index)}.bin`);
    writeFileSync(file, input);
    console.error(`input: ${file}`);
  }
  console.error(
    `hint: npm run fuzz -- --target ${name} --seed ${String(seed)} --from ${String(index)} --runs 1`,
  );
  return false;
}

const names = values.target ?? [...TARGETS.keys()];
const seed = count('seed') ?? Math.floor(Date.now() / 1000);
let clean = true;
for (const name of names) {
  const target = TARGETS.get(name);
  if (target === undefined) usage(`there is no target \`${name}\``);
  clean = (await fuzz(name, target, seed)) && clean;
}
process.exit(clean ? 0 : 1);
