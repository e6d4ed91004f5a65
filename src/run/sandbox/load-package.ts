// Puts a package into a blank executor.

import { WarderError } from '../../base/errors/errors.ts';
import { Exchange } from './exchange.ts';
import type { Package } from './executor/engine.ts';
import { FrameKind, joinParts, type LoadHead } from './executor/frames.ts';
import type { ExecutorProcess } from './executor-process.ts';

/** Compiling the largest package takes a second or two on a busy machine. */
const LOAD_TIMEOUT_MS = 30_000;

/**
 * Loads and compiles; runs nothing of the package.
 *
 * @throws WarderError `tool-failed` when the package cannot be compiled, `unavailable` when the
 *   executor died of it.
 */
export async function loadPackage(executor: ExecutorProcess, pkg: Package): Promise<void> {
  const { parts, body } = joinParts(partsOf(pkg));
  const head: LoadHead = { engine: pkg.engine, maxMemoryBytes: pkg.maxMemoryBytes, parts };
  const exchange = new Exchange(executor, {
    send: { kind: FrameKind.load, head, body },
    end: FrameKind.loaded,
    timeoutMs: LOAD_TIMEOUT_MS,
    outputBytes: 0,
  });
  const end = await exchange.ended;
  if (end.kind === 'answered') return;
  if (end.kind === 'failed') {
    throw new WarderError(
      'tool-failed',
      `the package cannot be loaded: ${String(end.head['reason'])}`,
    );
  }
  const why = end.kind === 'limit' ? `not within ${LOAD_TIMEOUT_MS / 1000} s` : 'the executor died';
  throw new WarderError('unavailable', `the package could not be loaded: ${why}`);
}

/** What travels, by the names the executor looks for. */
function partsOf(pkg: Package): Map<string, Uint8Array> {
  if (pkg.engine === 'extism') return new Map([['wasm', pkg.wasm]]);
  const encoder = new TextEncoder();
  const parts = new Map<string, Uint8Array>([
    ['glue', encoder.encode(pkg.glue)],
    ['shape', encoder.encode(pkg.shape)],
  ]);
  for (const [name, bytes] of pkg.cores) parts.set(`core:${name}`, bytes);
  return parts;
}
