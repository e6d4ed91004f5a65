// The racing opens of a scenario, as often as an evening's attack would make them. The scenario counts
// for itself; `npm test` runs its short form anyway.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { Finding, type FuzzTarget, Met } from './target.ts';

const root = resolve(import.meta.dirname, '../..');
const SCENARIO = 'test/scenarios/a-symlink-swapped-mid-open-reads-nothing';

export const symlinkRaces: FuzzTarget = {
  about: 'opens of a path that another process swaps for links',
  runs: { sample: 0, long: 1 },
  open: () => {
    const met = new Met();
    return Promise.resolve({
      met,
      async run() {
        const vitest = join(root, 'node_modules/vitest/vitest.mjs');
        const child = spawn(process.execPath, [vitest, 'run', SCENARIO], {
          cwd: root,
          env: { ...process.env, WARDER_FUZZ: '1' },
          stdio: 'inherit',
        });
        const [code] = (await once(child, 'exit')) as [number | null];
        if (code !== 0) throw new Finding('the scenario failed');
        met.add('whole scenarios');
      },
      close: () => Promise.resolve(),
    });
  },
};
