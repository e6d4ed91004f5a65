// A software TPM of a test's own, started by the script of docker/swtpm.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { answers, freePorts } from './tpm-ports.ts';

const SCRIPT = resolve(import.meta.dirname, '../../docker/swtpm/start-tpm.sh');

export interface Swtpm {
  /** For files of the test; keys with relative paths are in it. */
  readonly directory: string;
  readonly port: number;
  /** As key URIs say it. */
  readonly socket: string;
  /** Key URI: `where` is `handle=…` or `blob=…`; `more` is added to the query. */
  uri(where: string, more?: string): string;
  /**
   * Runs one of tpm2-tools, in the directory. Nobody else may be connected: swtpm serves one at a time.
   *
   * @param line words with a space between.
   */
  tool(line: string): { readonly code: number; readonly text: string };
  /** Ends it without warning; {@link start} powers it again with the same state. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** It stops answering, and goes on. */
  freeze(): void;
  thaw(): void;
  remove(): Promise<void>;
}

/** Makes and starts a TPM. Takes some 100 ms. */
export async function startSwtpm(): Promise<Swtpm> {
  const directory = mkdtempSync(join(tmpdir(), 'warder-swtpm-'));
  const state = join(directory, 'state');
  mkdirSync(state);
  const port = await freePorts();
  const socket = `127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const options = {
    cwd: directory,
    encoding: 'utf8' as const,
    // A connection that was left open would keep them waiting for ever.
    timeout: 20_000,
    env: { PATH: process.env['PATH'], TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}` },
  };
  const tpm: Swtpm = {
    directory,
    port,
    socket,
    uri: (where, more) => `tpm2:${where}?socket=${socket}${more === undefined ? '' : `&${more}`}`,
    tool: (line) => {
      const [name = '', ...args] = line.split(' ');
      // A bare TPM has room for three objects, and tools leave theirs behind.
      for (const kind of ['-t', '-l']) spawnSync('tpm2_flushcontext', [kind], options);
      const { status, stdout, stderr } = spawnSync(name, args, options);
      return { code: status ?? 128, text: `${stdout}${stderr}` };
    },
    kill: async () => {
      if (child === undefined) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      child = undefined;
    },
    start: async () => {
      child = spawn(SCRIPT, [state, String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
      for (let tries = 0; !(await answers(port)); tries += 1) {
        if (tries > 200 || child.exitCode !== null) throw new Error('swtpm does not start');
        await pause(20);
      }
    },
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    remove: async () => {
      await tpm.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await tpm.start();
  return tpm;
}
