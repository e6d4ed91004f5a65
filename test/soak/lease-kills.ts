// kill -9 of a home amid the signing of leases and the rotation of its keys, again and again on the same home.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateHome } from '../../src/front/config/home.ts';
import { initHome } from '../../src/front/daemon/init.ts';
import { type FuzzTarget, Met } from '../fuzz/target.ts';
import { HomeAuditor } from './home-auditor.ts';
import { runWriter } from './run-writer.ts';

/** Kills of one home, before the next is begun: leases of the first still count then. */
const KILLS_OF_A_HOME = 12;
const WRITER = new URL('./home-writer.ts', import.meta.url);

export const leaseKills: FuzzTarget = {
  about: 'a home that issues leases and rotates its keys, killed at any moment',
  runs: { sample: 2, long: 500 },
  open() {
    const met = new Met();
    const before = process.env['XDG_STATE_HOME'];
    let directory: string | undefined;
    let auditor: HomeAuditor | undefined;
    let root = '';
    let count = 0;
    const forget = (): void => {
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    };
    return Promise.resolve({
      met,
      async run(random) {
        if (auditor === undefined || count % KILLS_OF_A_HOME === 0) {
          forget();
          directory = mkdtempSync(join(tmpdir(), 'warder-lease-kills-'));
          // Where a home keeps what its signer remembers.
          process.env['XDG_STATE_HOME'] = join(directory, 'state');
          root = join(directory, 'home');
          auditor = await makeHome(root);
        }
        count += 1;
        auditor.begin();
        const lines = 1 + random.below(120);
        const later = random.below(30);
        // Half of them only after a rotation was done.
        let counts = random.chance(1, 2);
        let heard = 0;
        let kill = (): void => {};
        await runWriter(
          {
            site: root,
            seed: random.next(),
            program: WRITER,
            onStart: (way) => (kill = way),
            until: (line) => {
              counts ||= line.startsWith('rotated ');
              if (counts) heard += 1;
              if (heard > lines) setTimeout(() => kill(), later / 3);
              return false;
            },
          },
          auditor,
        );
        const { leases, rotations, rotated } = auditor.underWay;
        if (leases > 0) met.add('killed amid leases');
        if (rotations > 0) met.add('killed amid a rotation');
        if (rotated > 0) met.add('killed after rotations');
        await auditor.inspect();
        met.add('held');
      },
      close() {
        forget();
        if (before === undefined) delete process.env['XDG_STATE_HOME'];
        else process.env['XDG_STATE_HOME'] = before;
        return Promise.resolve();
      },
    });
  },
};

async function makeHome(root: string): Promise<HomeAuditor> {
  const home = locateHome(root, {});
  await initHome(home, undefined);
  // No tool runs here: no jail has to be looked for.
  const config = readFileSync(home.config, 'utf8');
  writeFileSync(
    home.config,
    config.replace('"version": 1,', '"version": 1, "jail": { "use": [] },'),
  );
  return new HomeAuditor(home);
}
