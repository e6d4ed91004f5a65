// A log that works since a while, made at once.

import { Promises } from './auditor.ts';
import { callFacts } from './facts.ts';
import { initSite, makeSiteKeys, openSite } from './site.ts';

/** @returns what it promised: that many leaves, and a head of all of them. */
export async function makeWorkingSite(site: string, leaves: number): Promise<Promises> {
  makeSiteKeys(site);
  await initSite(site);
  const promises = new Promises();
  promises.hear('open');
  const { store, receipts, close } = await openSite(site, () => Promise.resolve());
  const append = (): Promise<void> =>
    store
      .commit((tx) => receipts.log.append(tx, callFacts(10)))
      .then((ref) => promises.hear(`kept ${ref.id} ${String(ref.index)} ${ref.leafHash}`));
  await Promise.all(Array.from({ length: leaves }, append));
  const { size, root } = await receipts.checkpointer.current();
  promises.hear(`published ${String(size)} ${Buffer.from(root).toString('hex')}`);
  await close();
  return promises;
}
