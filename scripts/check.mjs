// `npm run check`: every gate over the tree in the current directory, all of them run even when one
// fails. `node scripts/check.mjs NAME... [-- ARGS]` runs only those, with ARGS added to each.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const bin = (name, ...args) => [join('node_modules', '.bin', name), ...args];

/** The gates by name: each a command that exits non-zero when it found a fault. */
const gates = {
  types: bin('tsc', '--noEmit', '-p', 'tsconfig.json'),
  lint: bin('oxlint', '--deny-warnings'),
  format: bin('prettier', '--check', '--log-level', 'warn', '.'),
  'dead-code': bin('knip', '--no-progress'),
  package: bin('publint', 'run', '--strict', '--pack', 'npm'),
  lock: [process.execPath, join('scripts', 'lock.mjs'), '--check'],
};

const argv = process.argv.slice(2);
const cut = argv.includes('--') ? argv.indexOf('--') : argv.length;
const wanted = argv.slice(0, cut);
const added = argv.slice(cut + 1);
const unknown = wanted.filter((name) => !Object.hasOwn(gates, name));
if (unknown.length > 0) {
  console.error(`error[usage]: no gate \`${unknown.join('`, `')}\``);
  console.error(`hint: ${Object.keys(gates).join(', ')}`);
  process.exit(2);
}

const failed = [];
for (const name of wanted.length > 0 ? wanted : Object.keys(gates)) {
  const [command, ...args] = gates[name];
  const before = performance.now();
  const ran = spawnSync(command, [...args, ...added], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (ran.error)
    console.error(`error[internal]: \`${command}\` did not start: ${ran.error.message}`);
  const good = ran.status === 0;
  if (!good) failed.push(name);
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name} (${Math.round(performance.now() - before)} ms)`);
}
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(', ')}`);
  process.exit(1);
}
