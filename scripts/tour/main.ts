// `npm start`: the tour on first start, then the daemon with the sample tools in the foreground.
//
//   npm start              the tour if there is no home yet, then the daemon
//   npm start -- --once    the tour only; exits with 0 only if each step did what it says

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { serveSamples } from './serve-samples.ts';
import { takeTour } from './tour.ts';

const args = process.argv.slice(2);
const unknown = args.find((word) => word !== '--once');
if (unknown === undefined) {
  process.exitCode = await start(args.includes('--once'));
} else {
  process.stderr.write(`error[usage]: \`npm start\` knows no \`${unknown}\`\n`);
  process.stderr.write('hint: `npm start`, or `npm start -- --once` for the tour alone\n');
  process.exitCode = 2;
}

async function start(once: boolean): Promise<number> {
  const named = process.env['WARDER_HOME'];
  const home = resolve(named === undefined || named === '' ? join(homedir(), '.warder') : named);
  if (once || !existsSync(home)) {
    const good = await takeTour((text) => void process.stdout.write(text));
    if (!good) return 1;
    if (once) return 0;
    process.stdout.write('\n');
  }
  return serveSamples(home);
}
