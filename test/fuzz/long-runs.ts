// What `npm run fuzz` and `npm run soak` are both: `[NAME...] [--count N | --seconds N] [--seed N] [--from N]`,
// the targets of these names or all, one after the other, and how to do again what ended badly.

import { parseArgs } from 'node:util';
import { type CampaignEnd, describeMet, runCampaign } from './campaign.ts';
import type { FuzzTarget } from './target.ts';

export interface LongRuns {
  /** The npm script. */
  readonly command: string;
  /** What its targets are called, in the plural. */
  readonly nouns: string;
  readonly targets: ReadonlyMap<string, FuzzTarget>;
  /** Keeps the input of a finding, where there is one. */
  readonly keep?: (input: Uint8Array, name: string) => void;
}

/** Runs what the command line asks for, then ends the process: 1 when anything was found, 2 for a bad command line. */
export async function longRuns(runs: LongRuns): Promise<never> {
  const usage = (message: string): never => {
    console.error(`error[usage]: ${message}`);
    console.error(`hint: ${runs.nouns} are ${[...runs.targets.keys()].join(', ')}`);
    process.exit(2);
  };
  const { names, count, seconds, from, seed } = readCommandLine(usage);
  const chosen = names.length > 0 ? names : [...runs.targets.keys()];
  let clean = true;
  for (const name of chosen) {
    const target = runs.targets.get(name) ?? usage(`there is none of \`${name}\``);
    console.log(`${name}: ${target.about}; seed ${String(seed)}`);
    const start = performance.now();
    const end = await runCampaign(target, {
      seed,
      from,
      runs: count ?? (seconds === undefined ? target.runs.long : Infinity),
      ...(seconds === undefined ? {} : { milliseconds: seconds * 1000 }),
    });
    console.log(`${name}: ${describeEnd(end)} in ${since(start)} s; met ${describeMet(end.met)}`);
    if (end.finding === undefined) continue;
    clean = false;
    const { index, error, input } = end.finding;
    console.error(`error[${name}]:`, error);
    if (input !== undefined) runs.keep?.(input, `${name}-${String(seed)}-${String(index)}`);
    console.error(`hint: ${again(runs.command, name, seed, index)}`);
  }
  process.exit(clean ? 0 : 1);
}

/** The command that does one try again. */
export function again(command: string, name: string, seed: number, index: number): string {
  return `npm run ${command} -- ${name} --seed ${String(seed)} --from ${String(index)} --count 1`;
}

/** `12 of 40 runs`. */
export function describeEnd({ runs, of }: CampaignEnd): string {
  return of === undefined ? `${String(runs)} runs` : `${String(runs)} of ${String(of)} runs`;
}

interface CommandLine {
  readonly names: readonly string[];
  readonly count: number | undefined;
  readonly seconds: number | undefined;
  readonly from: number;
  readonly seed: number;
}

function readCommandLine(usage: (message: string) => never): CommandLine {
  const { values, positionals } = parsed(usage);
  const whole = (name: (typeof NUMBERS)[number]): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (!/^\d{1,10}$/.test(text)) usage(`--${name} takes a whole number`);
    return Number(text);
  };
  return {
    names: positionals,
    count: whole('count'),
    seconds: whole('seconds'),
    from: whole('from') ?? 0,
    seed: whole('seed') ?? Math.floor(Date.now() / 1000),
  };
}

const NUMBERS = ['count', 'seconds', 'seed', 'from'] as const;

function parsed(usage: (message: string) => never): {
  readonly values: Readonly<Partial<Record<(typeof NUMBERS)[number], string>>>;
  readonly positionals: readonly string[];
} {
  const options = Object.fromEntries(NUMBERS.map((name) => [name, { type: 'string' }] as const));
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return usage((error as Error).message);
  }
}

function since(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(1);
}
