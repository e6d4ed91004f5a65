// The power goes at any moment: what was written and not synced is there, or torn, or not, in any order.

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../fuzz/random.ts';
import { Finding, type FuzzSession, type FuzzTarget, Met } from '../fuzz/target.ts';
import { Auditor, Promises } from './auditor.ts';
import { type Cut, Disk, LOSSES } from './disk.ts';
import { runWriter } from './run-writer.ts';
import { makeSiteKeys, pathsOf } from './site.ts';
import { readCalls, recording } from './strace.ts';

/** Cuts of one recorded run. */
const CUTS_OF_A_RUN = 400;
/** Enough that full tiles are written and that SQLite begins its log anew. */
const STEPS = 70;

export const powerCuts: FuzzTarget = campaign(
  'a log whose machine loses power, as the disk may then be',
  { sample: 100, long: 10_000 },
  chooseCut,
  async (auditor) => {
    await auditor.inspect();
    return 'held';
  },
);

export const lyingDisk: FuzzTarget = campaign(
  'a log whose machine loses power, on a disk that says it has what it has not',
  { sample: 40, long: 2_000 },
  (disk, random) => {
    const cut = chooseCut(disk, random);
    return { ...cut, honest: disk.before + random.below(cut.at - disk.before + 1) };
  },
  (auditor) => auditor.inspectAfterLies(),
);

function campaign(
  about: string,
  runs: FuzzTarget['runs'],
  choose: (disk: Disk, random: Random) => Cut,
  inspect: (auditor: Auditor) => Promise<string>,
): FuzzTarget {
  const open = (): Promise<FuzzSession> => {
    const met = new Met();
    const directory = mkdtempSync(join(tmpdir(), 'warder-power-'));
    let disk: Disk | undefined;
    let recorded = -1;
    return Promise.resolve({
      met,
      async run(random, index) {
        const run = Math.floor(index / CUTS_OF_A_RUN);
        if (disk === undefined || run !== recorded) disk = await record(directory, run);
        recorded = run;
        const cut = choose(disk, random);
        met.add(cut.loss);
        met.add(await tryCut(directory, disk, cut, random, inspect));
      },
      close() {
        rmSync(directory, { recursive: true, force: true });
        return Promise.resolve();
      },
    });
  };
  return { about, runs, open };
}

/** Runs a writer from nothing to its end, below strace. */
async function record(directory: string, seed: number): Promise<Disk> {
  const site = join(directory, 'recorded');
  const output = join(directory, 'calls');
  rmSync(site, { recursive: true, force: true });
  makeSiteKeys(site);
  const disk = new Disk(pathsOf(site).state);
  const promises = new Promises();
  await runWriter({ site, seed, steps: STEPS, steady: true, below: recording(output) }, promises);
  if (!promises.ended || promises.refused.length > 0 || promises.leases.size === 0) {
    throw new Finding(`the recorded run is no good: ${promises.refused.join('; ')}`);
  }
  disk.replay(readCalls(output));
  return disk;
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
  disk: Disk,
  cut: Cut,
  random: Random,
  inspect: (auditor: Auditor) => Promise<string>,
): Promise<string> {
  const site = join(directory, 'cut');
  rmSync(site, { recursive: true, force: true });
  disk.write(pathsOf(site).state, cut, random);
  copyFileSync(join(directory, 'recorded', 'keys.json'), join(site, 'keys.json'));
  const auditor = await Auditor.of(site);
  for (const event of disk.events.slice(0, cut.at)) {
    if (event.kind === 'said') auditor.promises.hear(event.line);
  }
  try {
    return await inspect(auditor);
  } catch (cause) {
    throw new Finding(
      `cut at event ${String(cut.at)}, ${cut.loss}, by ${String(cut.block)}`,
      undefined,
      { cause },
    );
  }
}
