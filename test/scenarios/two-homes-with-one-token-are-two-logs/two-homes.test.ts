// A second home on another machine takes the keys of the same token, and knows nothing of what they signed: what it
// signs may be no second history under the name of the first.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Config } from '../../../src/front/config/config.ts';
import { locateHome } from '../../../src/front/config/home.ts';
import { initHome } from '../../../src/front/daemon/init.ts';
import { describeHardware } from '../../support/hardware.ts';
import { createSoftHsm } from '../../support/softhsm.ts';

describeHardware('a token with both keys', () => {
  test('begins a log of its own in each home', async () => {
    const hsm = createSoftHsm();
    const folder = mkdtempSync(join(tmpdir(), 'warder-homes-'));
    onTestFinished(() => {
      vi.unstubAllEnvs();
      hsm.remove();
      rmSync(folder, { recursive: true });
    });
    vi.stubEnv('SOFTHSM2_CONF', hsm.env.SOFTHSM2_CONF);
    const configs: Config[] = [];
    for (const machine of ['one', 'two', 'three']) {
      vi.stubEnv('XDG_STATE_HOME', join(folder, machine, 'state'));
      const home = locateHome(join(folder, machine, 'home'), {});
      configs.push((await initHome(home, hsm.uri('signing'))).config);
    }
    const different = (of: (config: Config) => string): number => new Set(configs.map(of)).size;
    expect(different(({ logKey }) => logKey.kid)).toBe(1);
    expect(different(({ log }) => log.origin)).toBe(3);
    expect(different(({ log }) => log.memory)).toBe(3);
  }, 30_000);
});
