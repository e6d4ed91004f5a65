// Starts Node processes of ours: no inspector by signal, scrubbed environment, own process group,
// in a jail where one is given, ended with their parent, and dead for certain once `kill` resolves.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';

import { WarderError } from '../errors/errors.ts';
import { type Command, jailCommand } from './jail-command.ts';
import type { Jailing } from './jail-plan.ts';
import { JailedProcesses } from './jailed-death.ts';
import { scrubEnvironment } from './scrub-environment.ts';
import { NO_INSPECTOR_FLAG } from './start-faults.ts';

/** Ends a child whose parent died, whatever the child is busy with; part of util-linux. */
const SETPRIV = '/usr/bin/setpriv';

const DEFAULT_STDERR_BYTES = 4096;

export interface NodeProcessOptions {
  /** Absolute path of the file to run. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Flags of Node and V8, besides the ones every process of ours gets. */
  readonly flags?: readonly string[];
  /** Scrubbed before use. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Root directory when absent, and always in a jail. */
  readonly cwd?: string;
  /** Milliseconds from start after which the process is killed. */
  readonly deadlineMs?: number;
  /** How much of the end of its stderr is kept; 4 KiB when absent. */
  readonly stderrBytes?: number;
  /** Node binary; the current one when absent. */
  readonly node?: string;
  /** What it is shut into; without it it runs as this process does. */
  readonly jail?: Jailing;
}

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it never started. */
  readonly error?: Error;
}

export interface NodeProcess {
  /**
   * Number of the Node process on the host. One in a jail has it once it runs; until then, and after
   * its end, it is that of the jail's outermost process.
   */
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves once the process is gone, and with it everything in its jail. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** The end of what it wrote to stderr. */
  stderrTail(): string;
  /**
   * SIGKILL to its whole group, or to everything in its jail; resolves when death is confirmed. May
   * be called again.
   */
  kill(): Promise<ProcessExit>;
}

/** Whether children end with their parent even when they are busy. */
export function endsWithParent(): boolean {
  return process.platform === 'linux' && existsSync(SETPRIV);
}

/**
 * Starts a Node process.
 *
 * @throws WarderError `unavailable` when the system has no room for it, or cannot jail it.
 */
export function spawnNode(options: NodeProcessOptions): NodeProcess {
  const { command, args } = commandOf(options);
  const child = spawn(command, args, {
    cwd: options.jail === undefined ? (options.cwd ?? '/') : '/',
    env: scrubEnvironment(options.env),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });

  const ended = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
  });
  // A write to a process that just died; its exit says all there is to say.
  child.stdin.on('error', () => {});
  child.stdout.on('error', () => {});
  const tail = keepTail(child.stderr, options.stderrBytes ?? DEFAULT_STDERR_BYTES);
  const { pid } = child;
  if (pid === undefined) {
    throw new WarderError('unavailable', 'no process could be started', {
      hint: 'look at the limits on processes and memory of this user (`ulimit -a`)',
    });
  }

  const jailed = options.jail === undefined ? undefined : new JailedProcesses(pid);
  let isEnded = false;
  let isKilled = false;
  const exited = ended.then(async (exit) => {
    isEnded = true;
    clearTimeout(deadline);
    if (jailed === undefined) return exit;
    await jailed.gone();
    return isKilled ? KILLED : insideExit(exit);
  });
  const kill = (): Promise<ProcessExit> => {
    if (isEnded) return exited;
    isKilled = true;
    if (jailed?.kill() !== true) killGroup(pid);
    return exited;
  };
  const deadline =
    options.deadlineMs === undefined
      ? undefined
      : setTimeout(() => void kill(), options.deadlineMs);
  return {
    get pid() {
      return isEnded ? pid : (jailed?.inner ?? pid);
    },
    stdin: child.stdin,
    stdout: child.stdout,
    exited,
    stderrTail: tail,
    kill,
  };
}

const KILLED: ProcessExit = { code: null, signal: 'SIGKILL' };

function commandOf(options: NodeProcessOptions): Command {
  const node = options.node ?? process.execPath;
  const args = [
    NO_INSPECTOR_FLAG,
    '--no-warnings',
    ...(options.flags ?? []),
    options.entry,
    ...(options.args ?? []),
  ];
  if (options.jail !== undefined) {
    try {
      return jailCommand(options.jail, node, args, options.entry);
    } catch (cause) {
      throw new WarderError('unavailable', 'the jail of a process cannot be built', {
        cause,
        hint: 'run `warder doctor`',
      });
    }
  }
  if (!endsWithParent()) return { command: node, args };
  const tied = ['--pdeathsig', 'KILL', '--no-new-privs', '--', node, ...args];
  return { command: SETPRIV, args: tied };
}

/** The programs around a jailed process tell the signal that ended it as 128 and its number. */
function insideExit(exit: ProcessExit): ProcessExit {
  const number = (exit.code ?? 0) - 128;
  const name = Object.entries(constants.signals).find(([, each]) => each === number)?.[0];
  return name === undefined ? exit : { code: null, signal: name as NodeJS.Signals };
}

function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // Gone already, or not yet the leader of its group; then the second shot meets it.
    }
  }
}

function keepTail(stream: Readable, bytes: number): () => string {
  let kept = Buffer.alloc(0);
  stream.on('error', () => {});
  stream.on('data', (part: Buffer) => {
    kept = Buffer.concat([kept, part]).subarray(-bytes);
  });
  return () => kept.toString('utf8');
}
