// Software TPMs with EK certificates of a CA of a test's own, made by the script of docker/swtpm.

import { execFileSync, type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { answers, freePorts } from './tpm-ports.ts';

const SCRIPT = resolve(import.meta.dirname, '../../docker/swtpm/make-tpm.sh');

/** A CA as swtpm_localca makes it: a root, and the issuer below it. */
export interface TpmMaker {
  /** PEM files. */
  readonly root: string;
  readonly issuer: string;
  /** Sets a TPM up with an RSA 2048 EK, writes its certificate into it, and starts it. Takes two seconds. */
  make(): Promise<EndorsedTpm>;
  /** Ends the TPMs and removes their files. */
  remove(): Promise<void>;
}

export interface EndorsedTpm {
  readonly port: number;
  /** A directory for files that tools read and write. */
  readonly directory: string;
  /** Runs one of tpm2-tools on it, in its directory. Nobody else may be connected: swtpm serves one at a time. */
  tool(name: string, ...args: readonly string[]): string;
  /** The same where failing is what is looked for. */
  try(name: string, ...args: readonly string[]): { readonly code: number; readonly text: string };
}

export function createTpmMaker(): TpmMaker {
  const directory = mkdtempSync(join(tmpdir(), 'warder-endorsed-'));
  const ca = join(directory, 'ca');
  const running: ChildProcess[] = [];
  return {
    root: join(ca, 'swtpm-localca-rootca-cert.pem'),
    issuer: join(ca, 'issuercert.pem'),
    make: async () => {
      const state = mkdtempSync(join(directory, 'tpm-'));
      execFileSync(SCRIPT, [state, ca], { stdio: 'pipe' });
      const { port, child } = await start(state);
      running.push(child);
      return endorsedTpm(port, mkdtempSync(join(directory, 'tools-')));
    },
    remove: async () => {
      for (const child of running) {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function endorsedTpm(port: number, directory: string): EndorsedTpm {
  const options = {
    cwd: directory,
    encoding: 'utf8' as const,
    // A connection that was left open would keep them waiting for ever.
    timeout: 20_000,
    env: { PATH: process.env['PATH'], TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}` },
  };
  // A bare TPM has room for three objects, and tools leave theirs behind.
  const tidy = (): void => {
    for (const kind of ['-t', '-l', '-s']) spawnSync('tpm2_flushcontext', [kind], options);
  };
  const attempt = (name: string, args: readonly string[]) => {
    tidy();
    const { status, stdout, stderr } = spawnSync(name, [...args], options);
    return { code: status ?? 128, text: `${stdout}${stderr}` };
  };
  return {
    port,
    directory,
    try: (name, ...args) => attempt(name, args),
    tool: (name, ...args) => {
      const { code, text } = attempt(name, args);
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${text}`);
      tidy();
      return text;
    },
  };
}

/** Bytes of a file a tool wrote. */
export function toolFile({ directory }: EndorsedTpm, name: string): Uint8Array {
  return Uint8Array.from(readFileSync(join(directory, name)));
}

async function start(state: string): Promise<{ port: number; child: ChildProcess }> {
  const port = await freePorts();
  const words =
    `socket --tpm2 --tpmstate dir=${state} --ctrl type=tcp,port=${port + 1} ` +
    `--server type=tcp,port=${port} --flags not-need-init,startup-clear`;
  const child = spawn('swtpm', words.split(' '), { stdio: 'ignore' });
  for (let tries = 0; tries < 200; tries += 1) {
    if (await answers(port)) return { port, child };
    await pause(25);
  }
  throw new Error('swtpm does not start');
}
