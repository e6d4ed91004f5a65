// Appends to a log until its disk is full, goes on trying, makes room, and looks whether all is there and it goes
// on by itself. `fill-disk.ts PLACE SEED`, on a small disk mounted at PLACE.

import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../../src/base/errors/errors.ts';
import { Random } from '../fuzz/random.ts';
import { Finding } from '../fuzz/target.ts';
import { Auditor } from './auditor.ts';
import { callFacts } from './facts.ts';
import { initSite, makeSiteKeys, type OpenSite, openSite } from './site.ts';

const [, , place = '', seed = '0'] = process.argv;
const random = new Random(Number(seed), 0);
/** What is removed to make room. */
const ballast = join(place, 'ballast');
/** Refusals after which the disk counts as full for good. */
const REFUSALS = 12;
const EXIT_UNAVAILABLE = 7;

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.min(ms, 3)));

const { blocks, bsize } = statfsSync(place);
// The store needs as much again when it takes its log in.
writeFileSync(ballast, Buffer.alloc(Math.floor((blocks * bsize) / 2)));
makeSiteKeys(place);
await initSite(place);
const auditor = await Auditor.of(place);
const { promises } = auditor;
promises.hear('open');
const site = await openSite(place, pause);
site.receipts.checkpointer.start();
let refused = 0;

/** @returns whether it was acknowledged. */
async function append({ store, receipts }: OpenSite): Promise<boolean> {
  try {
    const facts = callFacts(random.below(6000));
    const ref = await store.commit((tx) => receipts.log.append(tx, facts));
    promises.hear(`kept ${ref.id} ${String(ref.index)} ${ref.leafHash}`);
    return true;
  } catch (error) {
    expectUnavailable(error);
    return false;
  }
}

async function publish({ receipts }: OpenSite): Promise<boolean> {
  try {
    const { size, root } = await receipts.checkpointer.current();
    promises.hear(`published ${String(size)} ${Buffer.from(root).toString('hex')}`);
    return true;
  } catch (error) {
    expectUnavailable(error);
    return false;
  }
}

/** A full disk is nobody's fault but the disk's, and the remedy says so. */
function expectUnavailable(error: unknown): void {
  refused += 1;
  if (error instanceof WarderError && error.exitCode === EXIT_UNAVAILABLE && error.hint) return;
  throw new Finding('it was refused in another way', undefined, { cause: error });
}

for (let fails = 0; fails < REFUSALS;) {
  const done = await Promise.all(Array.from({ length: 1 + random.below(5) }, () => append(site)));
  if (done.includes(false)) fails += 1;
  if (random.chance(1, 4) && !(await publish(site))) fails += 1;
}
const acknowledged = promises.kept.size;

rmSync(ballast);
// Nothing but room was missing.
let ready = false;
for (let tries = 0; tries < 40 && !ready; tries += 1) {
  ready = (await append(site)) && (await publish(site));
  await pause(3);
}
if (!ready) throw new Finding(`it does not go on with room again`);
await site.close();
await auditor.inspect();
console.log(`filled ${String(acknowledged)} ${String(refused)}`);
process.exit(0);
