// Runs the built `warder` command in homes of its own: what tests, benches and the tour's checks stand on.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { workingJails } from './jails.ts';

/** Entry of the built command. */
export const warderMain: string = resolve(import.meta.dirname, '../../dist/bin/main.js');

/** The repository. */
export const repository: string = resolve(import.meta.dirname, '../..');

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON document of stdout. Throws when there is none. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what it reads
  json<T = Record<string, unknown>>(): T;
}

/** A home in a temporary directory. */
export interface TestHome {
  readonly root: string;
  /** Runs `warder --home ROOT ARGS`; never throws for an exit code. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** {@link run} that expects exit code 0 and gives the JSON document. */
  ok<T = Record<string, unknown>>(args: readonly string[], options?: RunOptions): Promise<T>;
  /** Command and arguments of `warder mcp` for an MCP client. */
  mcp(...more: readonly string[]): { command: string; args: string[]; env: Record<string, string> };
  /** SIGKILL to the daemon, if one runs. */
  kill(): void;
  /** Ends the daemon without ado and removes the directory. */
  remove(): Promise<void>;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Adds tools as said even on a host without a jail, where they are otherwise added unjailed. */
  readonly asSaid?: boolean;
}

export interface TestHomeOptions {
  /** Whether `warder init` has run; true when absent. */
  readonly init?: boolean;
  /** Environment of every command in it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A fresh, empty home. */
export async function createTestHome(options: TestHomeOptions = {}): Promise<TestHome> {
  const root = mkdtempSync(join(tmpdir(), 'warder-test-'));
  const home: TestHome = {
    root,
    run: async (args, runOptions = {}) => {
      const words = runOptions.asSaid === true ? args : await fitToHost(args);
      return runWarder(['--home', root, ...words], {
        ...runOptions,
        env: { ...stateOf(root), ...options.env, ...runOptions.env },
      });
    },
    ok: async <T>(args: readonly string[], runOptions?: RunOptions) => {
      const done = await home.run(['--json', ...args], runOptions);
      if (done.code !== 0) {
        throw new Error(
          `warder ${args.join(' ')}: exit ${done.code}\n${done.stderr}${done.stdout}`,
        );
      }
      return done.json<T>();
    },
    mcp: (...more) => ({
      command: process.execPath,
      args: ['--disable-sigusr1', warderMain, 'mcp', '--home', root, ...more],
      env: { PATH: process.env['PATH'] ?? '', ...stateOf(root), ...options.env },
    }),
    kill: () => killDaemon(root),
    remove: async () => {
      killDaemon(root);
      for (const path of [root, stateOf(root).XDG_STATE_HOME]) {
        rmSync(path, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  };
  if (options.init !== false) await home.ok(['init']);
  return home;
}

let hasJail: Promise<boolean> | undefined;

/** A host that can make no jail still runs the tests of everything else. */
async function fitToHost(args: readonly string[]): Promise<readonly string[]> {
  const adds = args.some((word, at) => word === 'add' && args[at - 1] === 'tool');
  if (!adds || args.includes('--unsafe-no-jail')) return args;
  hasJail ??= workingJails().then((jails) => jails.length > 0);
  return (await hasJail) ? args : [...args, '--unsafe-no-jail'];
}

/** SIGKILL, for a home that is thrown away: draining takes a second or two. */
function killDaemon(root: string): void {
  try {
    const pid = Number(readFileSync(join(root, 'lock.pid'), 'utf8'));
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (command.includes(root)) process.kill(pid, 'SIGKILL');
  } catch {
    // None runs.
  }
}

/** What the signer remembers of a test home stands beside it and goes with it. */
function stateOf(root: string): { readonly XDG_STATE_HOME: string } {
  return { XDG_STATE_HOME: `${root}-state` };
}

/** Runs the built command once. */
export function runWarder(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolvePromise) => {
    const child = execFile(
      process.execPath,
      ['--disable-sigusr1', warderMain, ...args],
      {
        maxBuffer: 256 * 1024 * 1024,
        env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
        resolvePromise({ code, stdout, stderr, json: () => JSON.parse(stdout) as never });
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** A daemon in the foreground of the test. */
export interface ForegroundDaemon {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code (128 + n for a signal). */
  readonly exited: Promise<number>;
}

/** Starts `warder serve` and waits for `ready`; `flags` are Node's. */
export async function serveInForeground(
  root: string,
  options: { readonly flags?: readonly string[] } = {},
): Promise<ForegroundDaemon> {
  const { flags = ['--disable-sigusr1'] } = options;
  const child = spawn(process.execPath, [...flags, warderMain, '--home', root, '--json', 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...stateOf(root) },
  });
  const exited = new Promise<number>((done) => {
    child.once('exit', (code) => done(code ?? 128));
  });
  let errors = '';
  child.stderr.on('data', (part: Buffer) => (errors += part.toString()));
  await new Promise<void>((ready, fail) => {
    child.stdout.once('data', (part: Buffer) => {
      if (part.toString().startsWith('{"ready"')) ready();
      else fail(new Error(`not ready: ${part.toString()}`));
    });
    child.once('exit', () => fail(new Error(`the daemon ended before it was ready: ${errors}`)));
  });
  if (child.pid === undefined) throw new Error('the daemon has no pid');
  return { pid: child.pid, kill: (signal) => void child.kill(signal), exited };
}
