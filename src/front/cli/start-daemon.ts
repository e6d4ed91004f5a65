// Starts a detached daemon for a home and waits until it answers.

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scrubEnvironment } from '../../base/process/scrub-environment.ts';
import { WarderError } from '../../base/errors/errors.ts';

const READY_TIMEOUT_MS = 10_000;
const POLL_MS = 15;

/** Whether a daemon of this home accepts connections. */
export function daemonAnswers(root: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(root, 'operator.sock'));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * Starts the daemon of the home at `root` (made by `init` when there is none) and waits until it
 * accepts connections, at most 10 s. It exits by itself after ten idle minutes.
 *
 * @throws WarderError `unavailable` with the end of its log when it does not come up.
 */
export async function startDaemon(root: string): Promise<void> {
  mkdirSync(join(root, 'logs'), { recursive: true, mode: 0o700 });
  const logPath = join(root, 'logs', 'daemon.log');
  const log = openSync(logPath, 'a', 0o600);
  const entry = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? './main.ts' : '../../bin/main.js', import.meta.url),
  );
  const child = spawn(
    process.execPath,
    ['--disable-sigusr1', '--no-warnings', entry, '--home', root, 'serve', '--auto'],
    { detached: true, stdio: ['ignore', log, log], env: scrubEnvironment(process.env), cwd: '/' },
  );
  closeSync(log);
  let exited: number | null | undefined;
  child.once('exit', (code) => (exited = code));
  child.once('error', () => (exited = 1));
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (await daemonAnswers(root)) {
      child.unref();
      return;
    }
    // A daemon that lost the race for the lock exits with 7; the winner will answer.
    if (exited !== undefined && exited !== 7) break;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new WarderError('unavailable', 'the daemon did not start', {
    hint: `its log is \`${logPath}\`; last lines: ${lastLines(logPath)}`,
  });
}

function lastLines(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').slice(-3).join(' | ').slice(-600);
  } catch {
    return '(none)';
  }
}
