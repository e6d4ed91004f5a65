// The power goes at any moment: what was written and not synced is there, or torn, or not, in any order.

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../fuzz/random.ts';
import { Finding, type FuzzTarget, Met } from '../fuzz/target.ts';
import { Auditor, Promises } from './auditor.ts';
import { type Cut, Disk, LOSSES } from './disk.ts';
import { runWriter } from './run-writer.ts';
import { makeSiteKeys, pathsOf } from './site.ts';
import { readCalls, recording } from './strace.ts';

/** Cuts of one recorded run. */
const CUTS_OF_A_RUN = 400;
/** Enough that full tiles are written and that SQLite begins its log anew. */
const STEPS = 70;

export const powerCuts: FuzzTarget = {
  about: 'a log whose machine loses power, as the disk may then be',
  runs: { sample: 150, long: 10_000 },
  open() {
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
        const { loss } = await tryCut(directory, disk, chooseCut(disk, random), random);
        met.add(loss);
        met.add('held');
      },
      close() {
        rmSync(directory, { recursive: true, force: true });
        return Promise.resolve();
      },
    });
  },
};

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

async function tryCut(directory: string, disk: Disk, cut: Cut, random: Random): Promise<Cut> {
  const site = join(directory, 'cut');
  rmSync(site, { recursive: true, force: true });
  disk.write(pathsOf(site).state, cut, random);
  copyFileSync(join(directory, 'recorded', 'keys.json'), join(site, 'keys.json'));
  const auditor = await Auditor.of(site);
  for (const event of disk.events.slice(0, cut.at)) {
    if (event.kind === 'said') auditor.promises.hear(event.line);
  }
  try {
    await auditor.inspect();
    return cut;
  } catch (cause) {
    throw new Finding(
      `cut at event ${String(cut.at)}, ${cut.loss}, by ${String(cut.block)}`,
      undefined,
      { cause },
    );
  }
}
