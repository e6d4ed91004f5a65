// What a warm component executor holds: proportional memory after calls, with the sample component.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Exchange } from '../../src/run/sandbox/exchange.ts';
import { ExecutorProcess } from '../../src/run/sandbox/executor-process.ts';
import { FrameKind, type CallHead } from '../../src/run/sandbox/executor/frames.ts';
import { loadPackage } from '../../src/run/sandbox/load-package.ts';
import { transpile } from '../../src/run/sandbox/transpile/transpile.ts';
import { executorBundle } from '../support/process-bundle.ts';
import { residentKiB, type Report } from './report.ts';

const MiB = 1024 ** 2;
const CALLS = 50;

/** Loads the component and calls it until it is warm; answers the executor's PSS in KiB. */
async function componentMemory(component: Uint8Array, tool: string, args: object): Promise<number> {
  const executor = new ExecutorProcess({ executorPath: await executorBundle() });
  try {
    await executor.ready;
    const transpiled = await transpile(component);
    await loadPackage(executor, { engine: 'component', ...transpiled, maxMemoryBytes: 64 * MiB });
    const head: CallHead = {
      tool,
      env: {},
      config: {},
      roots: [],
      writable: [],
      outputBytes: MiB,
    };
    for (let call = 0; call < CALLS; call += 1) {
      const exchange = new Exchange(executor, {
        send: { kind: FrameKind.call, head, body: new TextEncoder().encode(JSON.stringify(args)) },
        end: FrameKind.answer,
        timeoutMs: 10_000,
        outputBytes: MiB,
      });
      const end = await exchange.ended;
      if (end.kind !== 'answered') throw new Error(`the component failed: ${JSON.stringify(end)}`);
    }
    return residentKiB(executor.pid);
  } finally {
    await executor.kill();
  }
}

/** `memory-component`: MiB of a warm executor with `tools/data-query`. */
export async function benchComponent(report: Report): Promise<void> {
  const path = join(import.meta.dirname, '../../tools/data-query/data-query.wasm');
  const query = { csv: 'city,people\nOslo,709\nBergen,289', where: 'people > 300' };
  const kib = await componentMemory(await readFile(path), 'query_csv', query);
  report.plain('memory-component', kib / 1024, 'MiB');
}
