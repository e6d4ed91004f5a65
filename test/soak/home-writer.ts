// Opens a home and has leases signed, many at once, while heads are signed and both keys rotate; says on standard
// output what came of it, until it is killed. `home-writer.ts HOME SEED forever`.

import { writeSync } from 'node:fs';
import { systemClock } from '../../src/base/clock/clock.ts';
import { WarderError } from '../../src/base/errors/errors.ts';
import { readConfig } from '../../src/front/config/config.ts';
import { locateHome } from '../../src/front/config/home.ts';
import { composeRuntime } from '../../src/front/daemon/compose.ts';
import { rotateKey } from '../../src/front/daemon/rotate-key.ts';
import { rotateLogKey } from '../../src/front/daemon/rotate-log-key.ts';
import { Random } from '../fuzz/random.ts';
import { issueLease } from '../support/issued-lease.ts';

const [, , root = '', seed = '0'] = process.argv;
const random = new Random(Number(seed), 0);

/** Written at once: what a killed process said must not wait in a buffer. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function attempt(what: string, work: () => Promise<string>): Promise<void> {
  try {
    say(await work());
  } catch (error) {
    const text = error instanceof WarderError ? `${error.code} ${error.message}` : String(error);
    say(`refused ${what} ${text.split('\n').join(' ')}`);
  }
}

const home = locateHome(root, {});
const runtime = await composeRuntime(home, readConfig(home.config), systemClock);
runtime.start();
say('open');
let rotating: Promise<void> | undefined;
for (;;) {
  const count = 1 + random.below(24);
  say(`asked ${String(count)}`);
  const work = Array.from({ length: count }, () =>
    attempt('lease', async () => `lease ${await issueLease(runtime, {}, runtime.keys.leases)}`),
  );
  if (rotating === undefined && random.chance(1, 8)) {
    const [what, rotate] = random.chance(1, 2)
      ? (['signing', rotateKey] as const)
      : (['log', rotateLogKey] as const);
    say('rotating');
    // Leases go on meanwhile.
    rotating = attempt(
      'rotation',
      async () => `rotated ${what} ${(await rotate(runtime, {})).kid}`,
    ).finally(() => {
      rotating = undefined;
    });
  }
  if (random.chance(1, 3)) {
    work.push(
      attempt('head', async () => {
        const { size, root: hash } = await runtime.receipts.checkpointer.current();
        return `published ${String(size)} ${Buffer.from(hash).toString('hex')}`;
      }),
    );
  }
  await Promise.all(work);
  // Making a key takes as long as a thousand leases.
  if (rotating !== undefined) await new Promise((resolve) => setTimeout(resolve, 30));
}
