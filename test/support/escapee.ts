// A process that runs whatever JavaScript a test sends it: what is left of an executor when its guest
// has broken out of V8.

import { readdirSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Jailing } from '../../src/base/process/jail-plan.ts';
import { type NodeProcess, spawnNode } from '../../src/base/process/spawn-node.ts';

/** The bundle it runs in the place of the executor's. */
export const escapedExecutor: string = resolve(
  import.meta.dirname,
  '../fixtures/executors/escaped.mjs',
);

export interface Escapee {
  readonly process: NodeProcess;
  /** What the code returned, or the code or name of what it threw. */
  run(code: string): Promise<unknown>;
}

/** Starts one; kill its process when done. */
export async function escape(
  jail: Jailing | undefined,
  flags: readonly string[] = [],
): Promise<Escapee> {
  const child = spawnNode({
    entry: escapedExecutor,
    env: {},
    flags,
    ...(jail === undefined ? {} : { jail }),
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`it ended: ${child.stderrTail()}`);
    return JSON.parse(value);
  };
  await next();
  return {
    process: child,
    run: async (code) => {
      child.stdin.write(`${JSON.stringify(code)}\n`);
      const { value, error } = (await next()) as { value?: unknown; error?: string };
      return error ?? value;
    },
  };
}

/** The pid namespace of a process, as a name. */
export function pidNamespace(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/pid`);
}

/** Processes on this host that are in that pid namespace. */
export function processesIn(namespace: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pidNamespace(pid) === namespace;
      } catch {
        return false;
      }
    });
}
