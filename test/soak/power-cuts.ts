// The power goes at any moment: what was written and not synced is there, or torn, or not, in any order.

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../fuzz/random.ts';
import { Finding, type FuzzSession, type FuzzTarget, Met } from '../fuzz/target.ts';
import { Auditor, Promises } from './auditor.ts';
import { type Cut, Disk, LOSSES } from './disk.ts';
import { runWriter } from './run-writer.ts';
import { makeSiteKeys, pathsOf } from './site.ts';
import { readCalls, recording } from './strace.ts';
import { loseTiles } from './lost-tiles.ts';
import { makeWorkingSite } from './working-site.ts';

/** Cuts of one recorded run. */
const CUTS_OF_A_RUN = 400;
/** Enough that full tiles are written and that SQLite begins its log anew. */
const STEPS = 70;

/** Leaves of a log that loses its tiles: some of them full. */
const LEAVES_BEFORE = 2000;

/** A run that is recorded, and what is asked of the log after a cut. */
interface Plan {
  /** Steps of the run. */
  readonly steps: number;
  /** That wait for the disk at once. */
  readonly threads: number;
  /** Makes the site the run begins with. @returns what it promised. */
  make(site: string, seed: number): Promise<Promises>;
  choose(disk: Disk, random: Random): Cut;
  /** @param opened whether the cut came after the log was open. */
  inspect(auditor: Auditor, opened: boolean): Promise<string>;
}

const fromNothing: Pick<Plan, 'steps' | 'threads' | 'make'> = {
  steps: STEPS,
  threads: 1,
  make: (site) => {
    makeSiteKeys(site);
    return Promise.resolve(new Promises());
  },
};

export const powerCuts: FuzzTarget = campaign(
  'a log whose machine loses power, as the disk may then be',
  { sample: 100, long: 10_000 },
  {
    ...fromNothing,
    choose: chooseCut,
    async inspect(auditor) {
      await auditor.inspect();
      return 'held';
    },
  },
);

export const lyingDisk: FuzzTarget = campaign(
  'a log whose machine loses power, on a disk that says it has what it has not',
  { sample: 40, long: 2_000 },
  {
    ...fromNothing,
    choose: (disk, random) => {
      const cut = chooseCut(disk, random);
      return { ...cut, honest: disk.before + random.below(cut.at - disk.before + 1) };
    },
    inspect: (auditor) => auditor.inspectAfterLies(),
  },
);

export const lostTiles: FuzzTarget = campaign(
  'a log that lost tiles, and whose machine loses power while they are made again',
  { sample: 12, long: 2_000 },
  {
    steps: 2,
    threads: 4,
    async make(site, seed) {
      const promises = await makeWorkingSite(site, LEAVES_BEFORE);
      loseTiles(pathsOf(site).log, new Random(seed, 0));
      return promises;
    },
    choose: chooseCut,
    async inspect(auditor, opened) {
      await auditor.inspect({ lost: !opened });
      return opened ? 'held, once they were there' : 'held, amid it';
    },
  },
);

/** One recorded run, and what it began with. */
interface Recording {
  readonly disk: Disk;
  readonly before: Promises;
}

function campaign(about: string, runs: FuzzTarget['runs'], plan: Plan): FuzzTarget {
  const open = (): Promise<FuzzSession> => {
    const met = new Met();
    const directory = mkdtempSync(join(tmpdir(), 'warder-power-'));
    let recording: Recording | undefined;
    let recorded = -1;
    return Promise.resolve({
      met,
      async run(random, index) {
        const run = Math.floor(index / CUTS_OF_A_RUN);
        if (recording === undefined || run !== recorded) {
          recording = await record(directory, run, plan);
        }
        recorded = run;
        const cut = plan.choose(recording.disk, random);
        met.add(cut.loss);
        met.add(await tryCut(directory, recording, cut, random, plan));
      },
      close() {
        rmSync(directory, { recursive: true, force: true });
        return Promise.resolve();
      },
    });
  };
  return { about, runs, open };
}

/** Runs a writer to its end, below strace. */
async function record(directory: string, seed: number, plan: Plan): Promise<Recording> {
  const site = join(directory, 'recorded');
  const output = join(directory, 'calls');
  rmSync(site, { recursive: true, force: true });
  const before = await plan.make(site, seed);
  const disk = new Disk(pathsOf(site).state);
  const promises = before.copy();
  const { steps, threads } = plan;
  const below = recording(output);
  await runWriter({ site, seed, steps, threads, steady: true, below }, promises);
  const idle = steps === STEPS && promises.leases.size === 0;
  if (!promises.ended || promises.refused.length > 0 || idle) {
    throw new Finding(`the recorded run is no good: ${promises.refused.join('; ')}`);
  }
  disk.replay(readCalls(output));
  return { disk, before };
}

function chooseCut(disk: Disk, random: Random): Cut {
  const { events } = disk;
  const turns = events.flatMap(({ kind }, at) => (kind === 'data' ? [] : [at + random.below(2)]));
  const any = random.below(events.length + 1);
  const at = Math.max(disk.before, random.chance(1, 2) ? any : random.pick(turns));
  return {
    at,
    honest: Infinity,
    loss: random.pick(LOSSES),
    block: random.chance(1, 2) ? 512 : 4096,
  };
}

async function tryCut(
  directory: string,
  { disk, before }: Recording,
  cut: Cut,
  random: Random,
  plan: Plan,
): Promise<string> {
  const site = join(directory, 'cut');
  rmSync(site, { recursive: true, force: true });
  disk.write(pathsOf(site).state, cut, random);
  copyFileSync(join(directory, 'recorded', 'keys.json'), join(site, 'keys.json'));
  const auditor = await Auditor.of(site, before.copy());
  const said = disk.events
    .slice(0, cut.at)
    .flatMap((event) => (event.kind === 'said' ? [event.line] : []));
  for (const line of said) auditor.promises.hear(line);
  try {
    return await plan.inspect(auditor, said.includes('open'));
  } catch (cause) {
    throw new Finding(
      `cut at event ${String(cut.at)}, ${cut.loss}, by ${String(cut.block)}`,
      undefined,
      { cause },
    );
  }
}
