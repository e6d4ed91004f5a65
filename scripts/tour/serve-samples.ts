// The daemon in the foreground, with the sample tools in it and the config to paste into a client.

import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { type Finished, runWarder, warderMain } from '../../test/support/warder.ts';
import { addSampleTools } from './sample-tools.ts';

/** Part of util-linux. */
const SETPRIV = '/usr/bin/setpriv';

/** Serves until the daemon ends; SIGINT and SIGTERM drain it. @returns its exit code. */
export async function serveSamples(home: string): Promise<number> {
  const run = (args: readonly string[]): Promise<Finished> =>
    runWarder(['--home', home, ...args], { env: inherited() });
  await expectDone(run(['init']));
  await endAutomaticDaemon(run);
  const daemon = startDaemon(home);
  const exited = new Promise<number>((done) => {
    daemon.once('exit', (code) => done(code ?? 1));
  });
  let told = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!told) daemon.kill('SIGTERM');
      told = true;
    });
  }
  const ended = await Promise.race([isReady(daemon), exited]);
  if (ended !== undefined) return ended;
  try {
    for (const line of await addSampleTools(run)) print(line);
    const config = await expectDone(run(['client', 'config']));
    const status = await expectDone(run(['status']));
    print(`\nready\n${status.stdout.trimEnd()}`);
    print(
      '\nPaste this into your MCP client (Claude Desktop, Cursor; others: `warder client config --help`):\n',
    );
    print(config.stdout.trimEnd());
    print('\nCtrl-C stops the daemon. `npm run -s warder -- --help` lists the commands.');
  } catch (error) {
    process.stderr.write(
      `error[start]: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    daemon.kill('SIGTERM');
    await exited;
    return 1;
  }
  return exited;
}

/**
 * The daemon in a group of its own, so that Ctrl-C reaches it once, through this process; it is told
 * to drain should this process die.
 */
function startDaemon(home: string): ChildProcess {
  const words = [process.execPath, '--disable-sigusr1', '--no-warnings', warderMain];
  const command = [...words, '--home', home, 'serve'];
  if (existsSync(SETPRIV)) command.unshift(SETPRIV, '--pdeathsig', 'TERM', '--');
  const [file = process.execPath, ...args] = command;
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];
  return spawn(file, args, { stdio, detached: true, env: inherited() });
}

/** A daemon that some command started by itself makes room; one that a user serves does not. */
async function endAutomaticDaemon(
  run: (args: readonly string[]) => Promise<Finished>,
): Promise<void> {
  const status = await run(['--json', 'status']);
  if (status.code !== 0) return;
  const { pid } = status.json<{ pid: number }>();
  const words = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').split('\0');
  if (words.includes('--auto')) await run(['stop']);
}

async function expectDone(running: Promise<Finished>): Promise<Finished> {
  const done = await running;
  if (done.code !== 0) throw new Error(done.stderr.trim());
  return done;
}

/** A daemon that serves says so; what it says first is that it is ready. */
function isReady(daemon: ChildProcess): Promise<undefined> {
  return new Promise((resolve) => {
    daemon.stdout?.once('data', () => resolve(undefined)).resume();
  });
}

function inherited(): Record<string, string> {
  const names = ['HOME', 'XDG_STATE_HOME', 'NO_COLOR', 'WARDER_DEBUG'];
  const pairs = names.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
