// Makes a component's transpiled form in a fresh process that never runs a guest, within a deadline.

import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { asWarderError, errorFromJson, WarderError } from '../../../base/errors/errors.ts';
import type { Jail, Jailing } from '../../../base/process/jail-plan.ts';
import { spawnNode } from '../../../base/process/spawn-node.ts';
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

const MiB = 1024 * 1024;
/** What the process takes besides its heap: Node, the generator's own memory, the component. */
const SLACK_BYTES = 2048 * MiB;

const here = import.meta.url;

/**
 * Transpiles a component that was admitted.
 *
 * @param jail what the process is shut into; with it, its memory as a whole is bounded as well.
 * @throws WarderError `not-admitted` when it cannot be transpiled, takes too long or grows too large.
 */
export async function transpile(
  component: Uint8Array,
  limits: Partial<TranspileLimits> = {},
  jail?: Jail,
): Promise<TranspiledComponent> {
  const bounds = { ...DEFAULTS, ...limits };
  const answer = await runProcess(component, bounds, jail);
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

/** The generator's module, at its real place: the process may look nowhere else. */
function generatorEntry(): string {
  return realpathSync(
    fileURLToPath(import.meta.resolve('@bytecodealliance/jco-transpile/component')),
  );
}

/** Folder of the package jco-transpile. */
function generatorRoot(): string {
  return dirname(dirname(generatorEntry()));
}

/** Folders the process may read: our own code, and the generator. */
function readable(): readonly string[] {
  return [fileURLToPath(new URL('../../../', here)), generatorRoot() + sep];
}

function jailing(jail: Jail, { heapMiB }: TranspileLimits): Jailing {
  return {
    jail,
    network: 'none',
    filesystem: { kind: 'minimal', readable: readable().map((folder) => folder.slice(0, -1)) },
    limits: {
      dataBytes: heapMiB * MiB + SLACK_BYTES,
      openFiles: 128,
      processes: 24,
      fileBytes: 0,
    },
  };
}

async function runProcess(
  component: Uint8Array,
  limits: TranspileLimits,
  jail: Jail | undefined,
): Promise<Uint8Array> {
  const entry = fileURLToPath(
    new URL(`./transpile-main.${here.endsWith('.ts') ? 'ts' : 'js'}`, here),
  );
  const child = spawnNode({
    entry,
    args: [pathToFileURL(generatorEntry()).href],
    flags: [
      '--permission',
      ...readable().map((folder) => `--allow-fs-read=${folder}`),
      `--max-old-space-size=${String(limits.heapMiB)}`,
    ],
    env: {},
    cwd: dirname(entry),
    ...(jail === undefined ? {} : { jail: jailing(jail, limits) }),
  });
  let fault: WarderError | undefined;
  const end = (error: WarderError): void => {
    fault ??= error;
    void child.kill();
  };
  const deadline = setTimeout(() => {
    end(refused('takes too long to transpile'));
  }, limits.timeoutMs);
  try {
    child.stdin.end(component);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= limits.outputBytes) chunks.push(chunk);
      else end(refused('grows too large when transpiled'));
    }
    const { code } = await child.exited;
    if (fault !== undefined) throw fault;
    if (code !== 0 || size === 0) {
      throw refused(`crashes the transpiler: ${child.stderrTail().trim().slice(-300)}`);
    }
    return new Uint8Array(Buffer.concat(chunks, size));
  } finally {
    clearTimeout(deadline);
    await child.kill();
  }
}

function refused(what: string): WarderError {
  return new WarderError('not-admitted', `the component ${what}`, {
    hint: 'build it smaller, or with a current toolchain for WASI 0.2',
  });
}
