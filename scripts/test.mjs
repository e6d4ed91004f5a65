// `npm test`: every vitest test, then the smoke run of the built package on the oldest Node line it
// promises to run on. The last line is `N passed, N failed` (and `, N skipped` where any were).
//
// Arguments go to vitest (`npm test -- test/unit/lease`); with any, the smoke run is left out.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { oldestNode } from './oldest-node.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
mkdirSync(join(root, '.cache'), { recursive: true });
const scratch = mkdtempSync(join(root, '.cache', 'test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Counts of one run; a run that ended badly without a failed test counts as one failure. */
function counted(name, status, { passed, failed, skipped }) {
  const silent = status !== 0 && failed === 0;
  if (silent) console.error(`error[test]: ${name} ended with ${status ?? 'a signal'}`);
  return { passed, failed: silent ? 1 : failed, skipped };
}

function runVitest(args) {
  const report = join(scratch, 'vitest.json');
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ran = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    const told = JSON.parse(readFileSync(report, 'utf8'));
    return counted('vitest', ran.status, {
      passed: told.numPassedTests,
      failed: told.numFailedTests,
      skipped: told.numPendingTests + told.numTodoTests,
    });
  } catch (error) {
    console.error(`error[test]: vitest left no readable report: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function runSmoke() {
  const { node, version } = oldestNode(root);
  console.log(`\nsmoke run on Node ${version}`);
  const report = join(scratch, 'smoke.tap');
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${report}`,
  ];
  const ran = spawnSync(node, ['--test', ...reporters, join(root, 'test', 'smoke', 'node24.mjs')], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const tap = readFileSync(report, 'utf8');
  const total = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return counted('the smoke run', ran.status, {
    passed: total('pass'),
    failed: total('fail') + total('cancelled'),
    skipped: total('skipped') + total('todo'),
  });
}

const args = process.argv.slice(2);
const runs = [runVitest(args)];
if (args.length === 0) runs.push(runSmoke());
const sum = (name) => runs.reduce((total, run) => total + run[name], 0);
const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
if (process.env['WARDER_TEST_HARDWARE'] === 'off') {
  console.log(
    '\nWARDER_TEST_HARDWARE=off: nothing was tried on SoftHSM or swtpm, those suites were skipped',
  );
}
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
