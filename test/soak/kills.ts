// kill -9 at any moment, again and again on the same log.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Finding, type FuzzTarget, Met } from '../fuzz/target.ts';
import { Auditor } from './auditor.ts';
import { runWriter } from './run-writer.ts';
import { makeSiteKeys } from './site.ts';

/** Kills of one log, before the next is begun. */
const KILLS_OF_A_LOG = 25;

export const kills: FuzzTarget = {
  about: 'a log that is written and signed, killed at any moment',
  runs: { sample: 10, long: 1000 },
  open() {
    const met = new Met();
    let directory: string | undefined;
    let auditor: Auditor | undefined;
    let count = 0;
    const forget = (): void => {
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    };
    return Promise.resolve({
      met,
      async run(random) {
        if (auditor === undefined || count % KILLS_OF_A_LOG === 0) {
          forget();
          directory = mkdtempSync(join(tmpdir(), 'warder-kills-'));
          makeSiteKeys(directory);
          auditor = await Auditor.of(directory);
        }
        count += 1;
        const site = directory ?? '';
        // Some before it opened, most while it works; by lines and by time, since lines come in bursts.
        const lines = random.chance(1, 8) ? 0 : 1 + random.below(40);
        const later = random.below(30);
        let heard = 0;
        let kill = (): void => {};
        const early = random.chance(1, 8)
          ? setTimeout(() => kill(), 40 + random.below(80))
          : undefined;
        await runWriter(
          {
            site,
            seed: random.next(),
            onStart: (way) => (kill = way),
            until: () => {
              heard += 1;
              if (heard > lines) setTimeout(() => kill(), later / 3);
              return false;
            },
          },
          auditor.promises,
        );
        clearTimeout(early);
        met.add(heard === 0 ? 'killed while it opened' : 'killed while it worked');
        const [refused] = auditor.promises.refused;
        if (refused !== undefined) throw new Finding(`it refused without a reason: ${refused}`);
        await auditor.inspect();
        met.add('held');
      },
      close() {
        forget();
        return Promise.resolve();
      },
    });
  },
};
