// Stands for a daemon: starts an escapee, has it forget whom it ends with, prints the number of the
// process that forgot, and waits to be killed.

import type { Jailing } from '../../../src/base/process/jail-plan.ts';
import { childrenOf } from '../../../src/base/process/process-tree.ts';
import { escape } from '../../support/escapee.ts';

const [plan = 'null'] = process.argv.slice(2);
const guest = await escape((JSON.parse(plan) as Jailing | null) ?? undefined);
await guest.run(`
  const { spawn } = require('node:child_process');
  const child = spawn('/usr/bin/setpriv',
    ['--pdeathsig', 'clear', '--', process.execPath, '-e', 'setInterval(() => {}, 1000)'],
    { detached: true });
  await new Promise((resolve, reject) => child.on('spawn', resolve).on('error', reject));
  for (const end of child.stdio) end.destroy();
  // Nor does the end of its stdin end it.
  setInterval(() => {}, 1000);
  return 'left';`);
process.stdout.write(`${childrenOf(guest.process.pid)[0]}\n`);
setInterval(() => {}, 1000);
