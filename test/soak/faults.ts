// One system call on one file goes wrong: each call of a whole run in turn, with each error, and with a kill.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { Finding, type FuzzSession, type FuzzTarget, Met } from '../fuzz/target.ts';
import { Auditor, Promises } from './auditor.ts';
import { runWriter } from './run-writer.ts';
import { pathsOf } from './site.ts';
import {
  descriptorOf,
  FILE_CALLS,
  injecting,
  type InjectionPoint,
  readCalls,
  recording,
  stringsOf,
} from './strace.ts';
import { makeWorkingSite } from './working-site.ts';

/** So that a full tile is written on the way. */
const LEAVES_BEFORE = 250;
/** More full tiles than are written at once. */
const LEAVES_OF_TILES = 2600;
const STEPS = 6;
const SEED = 7;
const READS = ['read', 'pread64'];
/** Has no divisor in common with the number of points, so that their order is a spread over all of them. */
const STRIDE = 7919;

export const faults: FuzzTarget = campaign(
  'a log whose system calls on files fail, or kill it, one at a time',
  { sample: 16, long: 1_000_000 },
  {
    steps: STEPS,
    lost: false,
    makeBase: (site) => makeWorkingSite(site, LEAVES_BEFORE),
  },
);

export const lostTileFaults: FuzzTarget = campaign(
  'a log that lost its tiles, whose system calls on files fail while they are made again',
  { sample: 4, long: 1_000_000 },
  {
    steps: 1,
    lost: true,
    async makeBase(site) {
      const promises = await makeWorkingSite(site, LEAVES_OF_TILES);
      rmSync(join(pathsOf(site).log, 'tile'), { recursive: true });
      return promises;
    },
  },
);

/** What is tried at each point. */
interface Plan {
  /** Steps of the run. */
  readonly steps: number;
  /** Whether it begins with files that were lost: until they are made again nothing is asked of them. */
  readonly lost: boolean;
  /** Makes the site each run begins with. @returns what it promised. */
  makeBase(site: string): Promise<Promises>;
}

function campaign(about: string, runs: FuzzTarget['runs'], plan: Plan): FuzzTarget {
  return { about, runs, open: () => openSession(plan) };
}

async function openSession(plan: Plan): Promise<FuzzSession> {
  const met = new Met();
  const directory = mkdtempSync(join(tmpdir(), 'warder-faults-'));
  const base = join(directory, 'base');
  const site = join(directory, 'site');
  const output = join(directory, 'calls');
  const before = await plan.makeBase(base);
  const points = await listPoints({ base, site, output }, plan);
  return {
    met,
    tries: points.length,
    async run(_, index) {
      const point = points[(index * STRIDE) % points.length];
      if (point === undefined) return;
      const where = `${point.fault} at ${point.call} ${String(point.number)} of ${relative(site, point.path)}`;
      try {
        met.add(await tryPoint(point, { base, site, output }, before, plan));
        met.add(`${point.fault} tried`);
      } catch (cause) {
        throw new Finding(where, undefined, { cause });
      }
    },
    close() {
      rmSync(directory, { recursive: true, force: true });
      return Promise.resolve();
    },
  };
}

interface Places {
  readonly base: string;
  readonly site: string;
  readonly output: string;
}

async function tryPoint(
  point: InjectionPoint,
  { base, site, output }: Places,
  before: Promises,
  { steps, lost }: Plan,
): Promise<string> {
  rmSync(site, { recursive: true, force: true });
  cpSync(base, site, { recursive: true });
  const promises = before.copy();
  const end = await runWriter(
    { site, seed: SEED, steps, steady: true, below: injecting(output, point) },
    promises,
  );
  if (point.fault !== 'KILL' && !promises.ended) throw new Finding('it does not go on by itself');
  const auditor = await Auditor.of(site, promises);
  await auditor.inspect({ lost: lost && end === 'killed' });
  // Ids are random, so that the store does not touch the same number of pages each time.
  if (point.fault === 'KILL' && end === 'ended') return 'not reached';
  if (end === 'killed') return 'killed, and held';
  return promises.refused.length > 0 ? 'refused, and went on' : 'never noticed';
}

/** Every call on a file of the site, with every fault. */
async function listPoints(
  { base, site, output }: Places,
  { steps }: Plan,
): Promise<InjectionPoint[]> {
  cpSync(base, site, { recursive: true });
  const promises = new Promises();
  const below = recording(output, READS);
  await runWriter({ site, seed: SEED, steps, steady: true, below }, promises);
  const refused = promises.refused.join('; ');
  if (!promises.ended || refused !== '') throw new Finding(`the run is no good: ${refused}`);
  const { state } = pathsOf(site);
  const counts = new Map<string, number>();
  const points: InjectionPoint[] = [];
  for (const { name, args } of readCalls(output)) {
    const { path: open } = descriptorOf(args);
    const named = FILE_CALLS.includes(name) && open === '' ? stringsOf(args).map(String) : [open];
    const paths = named.filter((path) => path.startsWith(`${state}/`));
    for (const path of paths)
      counts.set(`${name} ${path}`, (counts.get(`${name} ${path}`) ?? 0) + 1);
    const [path] = paths;
    // What other programs on the machine see of the store is memory, and is made anew.
    if (path === undefined || basename(path).endsWith('-shm')) continue;
    const number = counts.get(`${name} ${path}`) ?? 1;
    const kinds = READS.includes(name)
      ? (['EIO', 'KILL'] as const)
      : (['EIO', 'ENOSPC', 'EINTR', 'KILL'] as const);
    for (const fault of kinds) points.push({ call: name, path, number, fault });
  }
  return points;
}
