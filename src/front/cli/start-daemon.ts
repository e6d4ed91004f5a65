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
/** How long a daemon that is ending is given before the next try. */
const RETRY_MS = 200;

/** Whether a daemon accepts connections on this operator socket. */
export function daemonAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
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
  const operatorSocket = join(root, 'operator.sock');
  const logPath = join(root, 'logs', 'daemon.log');
  const log = openSync(logPath, 'a', 0o600);
  try {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    let child = launch(root, log);
    while (performance.now() < deadline) {
      if (await daemonAnswers(operatorSocket)) return;
      const { code } = child;
      if (code !== undefined) {
        // It lost the race for the lock, to one that will answer or to one that is still ending.
        if (code !== 7 || !(await isHeld(root))) break;
        await pause(RETRY_MS);
        if (!(await daemonAnswers(operatorSocket))) child = launch(root, log);
      }
      await pause(POLL_MS);
    }
  } finally {
    closeSync(log);
  }
  throw new WarderError('unavailable', 'the daemon did not start', {
    hint: `its log is \`${logPath}\`; last lines: ${lastLines(logPath)}`,
  });
}

interface Launched {
  /** Set once it has exited. */
  code: number | undefined;
}

function launch(root: string, log: number): Launched {
  const entry = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? './main.ts' : '../../bin/main.js', import.meta.url),
  );
  const child = spawn(
    process.execPath,
    ['--disable-sigusr1', '--no-warnings', entry, '--home', root, 'serve', '--auto'],
    { detached: true, stdio: ['ignore', log, log], env: scrubEnvironment(process.env), cwd: '/' },
  );
  const launched: Launched = { code: undefined };
  child.unref();
  child.once('exit', (code) => (launched.code = code ?? 1));
  child.once('error', () => (launched.code = 1));
  return launched;
}

/** Whether a live process left word that it holds the lock of the home. */
async function isHeld(root: string): Promise<boolean> {
  const { lockHolder } = await import('../../base/store/home-lock.ts');
  const pid = lockHolder(root);
  return pid !== undefined && isAlive(pid);
}

/** Whether a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function lastLines(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').slice(-3).join(' | ').slice(-600);
  } catch {
    return '(none)';
  }
}
