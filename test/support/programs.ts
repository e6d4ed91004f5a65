// Runs the fixture `program`, whose first argument says what it does: in a sandbox over real executors
// and a real files process, and naively, under node:wasi in a process of its own.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PermitTerms } from '../../src/decide/policy/permit.ts';
import { createFiles, type FilesSession } from '../../src/reach/files/files.ts';
import type { RunOptions, RunOutcome } from '../../src/run/sandbox/runner.ts';
import { processBundle } from './process-bundle.ts';
import { createTestSandbox, fixture, type TestSandbox } from './sandbox.ts';

const path = resolve(import.meta.dirname, '../fixtures/wasm/program.wasm');

export interface ProgramBox extends AsyncDisposable {
  readonly box: TestSandbox;
  /** What its descriptor 3 shows: granted for reading and writing. */
  readonly directory: string;
  run(
    args: readonly string[],
    more?: { readonly terms?: Partial<PermitTerms>; readonly stdin?: string } & RunOptions,
  ): Promise<RunOutcome>;
  /** What it printed; throws when it gave no answer. */
  printed(
    args: readonly string[],
    more?: { readonly terms?: Partial<PermitTerms> },
  ): Promise<string>;
}

/** One executor serves every call. */
export async function programBox(): Promise<ProgramBox> {
  const directory = mkdtempSync(join(tmpdir(), 'warder-program-'));
  const files = createFiles({ brokerPath: await processBundle('files-broker'), deny: [] });
  let session: FilesSession | undefined;
  const box = await createTestSandbox({
    pool: { maxPerKey: 1 },
    serve: (permit, request, signal) => {
      if (!request.op.startsWith('file-')) {
        return { ok: false, code: 'denied', message: 'not granted' };
      }
      session ??= files.open(permit, () => {});
      return session.serve(request as Parameters<FilesSession['serve']>[0], signal);
    },
  });
  const grants = [{ host: directory, guest: '/work' }];
  const wasm = fixture('program');
  const run: ProgramBox['run'] = async (args, { terms, stdin, ...more } = {}) => {
    const given = { args: [...args], ...(stdin === undefined ? {} : { stdin }) };
    try {
      const granted = { read: grants, write: grants, ...terms };
      return await box.call(wasm, 'program', given, { terms: granted, ...more });
    } finally {
      session?.close();
      session = undefined;
    }
  };
  return {
    box,
    directory,
    run,
    printed: async (args, more) => {
      const outcome = await run(args, more);
      if (outcome.kind !== 'answered') throw new Error(JSON.stringify(outcome));
      const [said] = outcome.answer.content;
      if (said?.type !== 'text') throw new Error('an answer without text');
      return said.text;
    },
    [Symbol.asyncDispose]: async () => {
      await box.sandbox.close();
      await files.close();
      rmSync(directory, { recursive: true });
    },
  };
}

const NAIVE = `
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';
const [path, directory, ...args] = process.argv.slice(1);
const wasi = new WASI({
  version: 'preview1',
  args: ['program', ...args],
  env: process.env,
  preopens: { '/work': directory },
});
const module = new WebAssembly.Module(readFileSync(path));
wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
process.stdout.write('(the process lives)');
`;

export interface NaiveEnd {
  readonly signal: string | null;
  readonly stdout: string;
}

/** Runs it as Node's own documentation shows. */
export function runNaively(
  args: readonly string[],
  directory: string = tmpdir(),
  env: Readonly<Record<string, string>> = {},
): NaiveEnd {
  const { signal, stdout } = spawnSync(
    process.execPath,
    ['--no-warnings', '--input-type=module', '-e', NAIVE, path, directory, ...args],
    { encoding: 'utf8', env: { ...env } },
  );
  return { signal, stdout };
}
