// `npm run interop`: every check by programs that are not ours, as far as they are on this machine.
//
// npm run interop -- [--cosign PATH] [--chromium PATH] [--go PATH] [--litewitness PATH] [--checkpoints N]

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** What each check takes. */
const CHECKS = {
  'receipts.ts': ['cosign', 'chromium'],
  'witness.ts': ['go', 'litewitness', 'checkpoints'],
} as const;

const names = Object.values(CHECKS).flat();
const { values } = parseArgs({
  options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
});

const failed: string[] = [];
for (const [file, taken] of Object.entries(CHECKS)) {
  console.log(`# ${file}`);
  const args = taken.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
  const path = join(import.meta.dirname, file);
  const { status } = spawnSync(process.execPath, [path, ...args], { stdio: 'inherit' });
  if (status !== 0) failed.push(file);
}
console.log(failed.length === 0 ? 'interop: all good' : `interop FAILED: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
