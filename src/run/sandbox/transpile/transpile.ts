// Makes a component's transpiled form in a fresh process that never runs a guest, within a deadline.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asWarderError, errorFromJson, WarderError } from '../../../base/errors/errors.ts';
import { decodeBundle, type TranspiledComponent } from './bundle.ts';

/** Bounds of one transpilation. */
export interface TranspileLimits {
  /** Milliseconds until the process is killed. */
  readonly timeoutMs: number;
  /** Bytes of the answer. */
  readonly outputBytes: number;
  /** Heap of the process, MiB. */
  readonly heapMiB: number;
}

const DEFAULTS: TranspileLimits = {
  timeoutMs: 30_000,
  outputBytes: 192 * 1024 * 1024,
  heapMiB: 1024,
};

const here = import.meta.url;

/**
 * Transpiles a component that was admitted.
 *
 * @throws WarderError `not-admitted` when it cannot be transpiled, takes too long or grows too large.
 */
export async function transpile(
  component: Uint8Array,
  limits: Partial<TranspileLimits> = {},
): Promise<TranspiledComponent> {
  const bounds = { ...DEFAULTS, ...limits };
  const answer = await runProcess(component, bounds);
  if (answer[0] === 0x7b) throw reportedError(answer);
  return decodeBundle(answer);
}

function reportedError(answer: Uint8Array): WarderError {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(answer)) as { readonly error: unknown };
    return errorFromJson(error);
  } catch (cause) {
    return asWarderError(cause);
  }
}

/** The version of jco that makes the code; part of the cache's key. */
export function generatorVersion(): string {
  const require = createRequire(here);
  const manifest = require(join(generatorRoot(), 'package.json')) as { readonly version: string };
  return manifest.version;
}

/** Folder of the package jco-transpile. */
function generatorRoot(): string {
  const entry = fileURLToPath(import.meta.resolve('@bytecodealliance/jco-transpile/component'));
  return dirname(dirname(entry));
}

/** Folders the process may read: our own code, and the generator. */
function readable(): string[] {
  const own = fileURLToPath(new URL('../../../', here));
  return [own, generatorRoot() + sep].map((folder) => `--allow-fs-read=${folder}`);
}

async function runProcess(component: Uint8Array, limits: TranspileLimits): Promise<Uint8Array> {
  const entry = fileURLToPath(
    new URL(`./transpile-main.${here.endsWith('.ts') ? 'ts' : 'js'}`, here),
  );
  const flags = [
    '--disable-sigusr1',
    '--permission',
    ...readable(),
    '--no-warnings',
    `--max-old-space-size=${String(limits.heapMiB)}`,
  ];
  const child = spawn(process.execPath, [...flags, entry], {
    env: {},
    cwd: dirname(entry),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const chunks: Buffer[] = [];
  let size = 0;
  let problems = '';
  let fault: WarderError | undefined;
  const end = (error: WarderError): void => {
    fault ??= error;
    child.kill('SIGKILL');
  };
  const deadline = setTimeout(() => {
    end(refused('takes too long to transpile'));
  }, limits.timeoutMs);
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limits.outputBytes) end(refused('grows too large when transpiled'));
    else chunks.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (problems.length < 2000) problems += chunk.toString();
  });
  child.on('error', (cause) => {
    end(new WarderError('internal', 'the transpiler cannot be started', { cause }));
    clearTimeout(deadline);
    reject(fault ?? cause);
  });
  child.on('close', (code) => {
    clearTimeout(deadline);
    if (fault !== undefined) reject(fault);
    else if (code === 0 && size > 0) resolve(Buffer.concat(chunks, size));
    else reject(refused(`crashes the transpiler: ${problems.trim().slice(-300)}`));
  });
  // The process may end before it has read everything; `close` says how.
  child.stdin.on('error', () => undefined);
  child.stdin.end(component);
  return promise;
}

function refused(what: string): WarderError {
  return new WarderError('not-admitted', `the component ${what}`, {
    hint: 'build it smaller, or with a current toolchain for WASI 0.2',
  });
}
