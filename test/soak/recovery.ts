// Opening a log of many leaves: as it was left, with its tiles gone, with the tile at the top damaged.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tilePath } from '../../src/trust/verify/tiles.ts';
import { Finding, type FuzzTarget, Met } from '../fuzz/target.ts';
import { callFacts } from './facts.ts';
import { initSite, makeSiteKeys, openSite, pathsOf } from './site.ts';

const LEAVES = 1_000_000;
const A_COMMIT = 4000;
const DAMAGES: ReadonlyMap<string, (log: string) => void> = new Map<string, (log: string) => void>([
  ['as it was left', () => {}],
  ['without its tiles', (log) => rmSync(join(log, 'tile'), { recursive: true })],
  [
    'with a damaged tile at the top',
    (log) => {
      // The highest full tile; those above it are partial, and only for readers.
      const path = join(log, tilePath(1, 14));
      const bytes = readFileSync(path);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
  ],
]);

export const recovery: FuzzTarget = {
  about: `opening a log of ${String(LEAVES)} leaves, whole and damaged`,
  runs: { sample: 0, long: DAMAGES.size },
  async open() {
    const met = new Met();
    const site = mkdtempSync(join(tmpdir(), 'warder-recovery-'));
    const root = await fill(site);
    return {
      met,
      tries: DAMAGES.size,
      async run(_, index) {
        const [name, damage] = [...DAMAGES][index] ?? [];
        if (name === undefined || damage === undefined) return;
        damage(pathsOf(site).log);
        const start = performance.now();
        const { receipts, close } = await openSite(site, () => Promise.resolve());
        met.set(`${name}, ms`, Math.round(performance.now() - start));
        const head = receipts.log.head();
        await close();
        if (Buffer.from(head.root).toString('hex') !== root)
          throw new Finding(`${name}: another root`);
      },
      close() {
        rmSync(site, { recursive: true, force: true });
        return Promise.resolve();
      },
    };
  },
};

async function fill(site: string): Promise<string> {
  makeSiteKeys(site);
  await initSite(site);
  const { store, receipts, close } = await openSite(site, () => Promise.resolve());
  const { log } = receipts;
  while (log.size < LEAVES) {
    await store.commit((tx) => {
      for (let at = 0; at < A_COMMIT; at += 1) log.append(tx, callFacts(10));
    });
  }
  const { root } = await receipts.checkpointer.current();
  await close();
  return Buffer.from(root).toString('hex');
}
