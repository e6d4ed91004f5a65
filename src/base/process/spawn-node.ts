// Starts Node processes of ours: no inspector by signal, scrubbed environment, own process group,
// ended with their parent, and dead for certain once `kill` resolves.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

import { WarderError } from '../errors/errors.ts';
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
  /** Root directory when absent. */
  readonly cwd?: string;
  /** Milliseconds from start after which the process is killed. */
  readonly deadlineMs?: number;
  /** How much of the end of its stderr is kept; 4 KiB when absent. */
  readonly stderrBytes?: number;
  /** Node binary; the current one when absent. */
  readonly node?: string;
}

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it never started. */
  readonly error?: Error;
}

export interface NodeProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves once the process is gone. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** The end of what it wrote to stderr. */
  stderrTail(): string;
  /** SIGKILL to its whole group; resolves when death is confirmed. May be called again. */
  kill(): Promise<ProcessExit>;
}

/** Whether children end with their parent even when they are busy. */
export function endsWithParent(): boolean {
  return process.platform === 'linux' && existsSync(SETPRIV);
}

/**
 * Starts a Node process.
 *
 * @throws WarderError `unavailable` when the system has no room for it.
 */
export function spawnNode(options: NodeProcessOptions): NodeProcess {
  const node = options.node ?? process.execPath;
  const nodeArguments = [
    NO_INSPECTOR_FLAG,
    '--no-warnings',
    ...(options.flags ?? []),
    options.entry,
    ...(options.args ?? []),
  ];
  const [command, commandArguments] = endsWithParent()
    ? [SETPRIV, ['--pdeathsig', 'KILL', '--no-new-privs', '--', node, ...nodeArguments]]
    : [node, nodeArguments];
  const child = spawn(command, commandArguments, {
    cwd: options.cwd ?? '/',
    env: scrubEnvironment(options.env),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });

  const exited = new Promise<ProcessExit>((resolve) => {
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

  let ended = false;
  const kill = (): Promise<ProcessExit> => {
    if (!ended) killGroup(pid);
    return exited;
  };
  const deadline =
    options.deadlineMs === undefined
      ? undefined
      : setTimeout(() => void kill(), options.deadlineMs);
  void exited.then(() => {
    ended = true;
    clearTimeout(deadline);
  });
  return { pid, stdin: child.stdin, stdout: child.stdout, exited, stderrTail: tail, kill };
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
