// Opens a site and works on it until its steps are done or it is killed; says on standard output what became
// durable, what was published, what was refused. `writer.ts SITE SEED STEPS [steady]`.
//
// `steady`: heads are signed only when asked for, so that the same seed makes the same system calls.

import { writeSync } from 'node:fs';
import { decodeUtf8 } from '../../src/base/encoding/utf8.ts';
import { WarderError } from '../../src/base/errors/errors.ts';
import { hashLeaf } from '../../src/trust/receipt/digest.ts';
import { Random } from '../fuzz/random.ts';
import { callFacts, leaseFacts } from './facts.ts';
import { initSite, type OpenSite, openSite } from './site.ts';

const [, , directory = '', seed = '0', stepCount = '0', pace] = process.argv;
const random = new Random(Number(seed), 0);
/** Refusals in a row after which a disk that fails once should have served again. */
const PATIENCE = 20;

/** Written at once: what a killed process said must not wait in a buffer. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** @returns undefined when it was refused, which is said. */
async function attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof WarderError)) {
      say(
        `broken ${what} ${String(error instanceof Error ? error.stack : error)
          .split('\n')
          .join(' | ')}`,
      );
      return undefined;
    }
    say(`refused ${what} ${error.code} ${error.message.split('\n').join(' ')}`);
    return undefined;
  }
}

/** Tries until it is done. */
async function insist<T>(what: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < PATIENCE; tries += 1) {
    const done = await attempt(what, work);
    if (done !== undefined) return done;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  say(`broken ${what} it is refused again and again`);
  return process.exit(1);
}

async function appendSome(site: OpenSite): Promise<void> {
  const count = 1 + random.below(7);
  const lengths = Array.from({ length: count }, () =>
    random.chance(1, 8) ? random.below(9000) : random.below(80),
  );
  await Promise.all(
    lengths.map(async (length) => {
      const ref = await attempt('append', () =>
        site.store.commit((tx) => site.receipts.log.append(tx, callFacts(length))),
      );
      if (ref !== undefined) say(`kept ${ref.id} ${String(ref.index)} ${ref.leafHash}`);
    }),
  );
}

/** The way the gate issues a lease: its receipt first, then its signature. */
async function signLease(site: OpenSite): Promise<void> {
  const { payload, facts } = leaseFacts();
  const ref = await attempt('append', () =>
    site.store.commit((tx) => site.receipts.log.append(tx, facts)),
  );
  if (ref === undefined) return;
  say(`kept ${ref.id} ${String(ref.index)} ${ref.leafHash}`);
  await attempt('lease', async () => {
    const { index, leaf } = site.receipts.log.durable(ref);
    const { size } = await site.memory.last();
    const evidence = { index, leaf: decodeUtf8(leaf) };
    await site.signing.sign({ kind: 'lease', payload, evidence });
    say(`lease ${String(index)} ${Buffer.from(hashLeaf(leaf)).toString('hex')} ${String(size)}`);
    return true;
  });
}

async function publish(site: OpenSite): Promise<true> {
  const { size, root } = await site.receipts.checkpointer.current();
  say(`published ${String(size)} ${Buffer.from(root).toString('hex')}`);
  return true;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = pace === 'steady' ? undefined : setTimeout(resolve, Math.min(ms, 3));
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

const site = await insist('open', async () => {
  await initSite(directory);
  return openSite(directory, pause);
});
say('open');
site.receipts.checkpointer.start();
const steps = stepCount === 'forever' ? Infinity : Number(stepCount);
for (let step = 0; step < steps; step += 1) {
  await appendSome(site);
  if (random.chance(1, 3)) await signLease(site);
  if (random.chance(1, 3)) await attempt('publish', () => publish(site));
}
await insist('publish', () => publish(site));
await attempt('close', () => site.close());
say('end');
process.exit(0);
