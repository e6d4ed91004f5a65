// What a pool keeps of each package: its executors, and the calls that wait for them.

import type { ExecutorProcess } from './executor-process.ts';
import { FairQueue } from './fair-queue.ts';

/** CPU time an idle executor may take, milliseconds: more than any collection. */
const RESTLESS_MS = 1000;

/** What an executor is for. */
export interface ExecutorKey {
  readonly tenant: string;
  readonly digest: string;
  readonly memoryBytes: number;
  /** Whether it runs in the operating system's jail. */
  readonly jailed: boolean;
}

/** A call that waits. */
export interface Waiter {
  readonly since: number;
  readonly give: (assigned: Assigned) => void;
  readonly fail: (error: unknown) => void;
}

/** An executor that belongs to a line. */
export interface Assigned {
  readonly executor: ExecutorProcess;
  readonly line: Line;
  busy: boolean;
  busySince: number;
  idleSince: number;
  /** Whether it was told to rest since its last call. */
  rested: boolean;
  /** The CPU time it had taken when it was first looked at after that, milliseconds. */
  restedCpuMs: number | undefined;
}

/** The executors of one key and the calls that wait for them. */
export interface Line {
  readonly key: ExecutorKey;
  readonly name: string;
  readonly executors: Set<Assigned>;
  readonly idle: Assigned[];
  readonly queue: FairQueue<Waiter>;
  /** Executors being made ready for it. */
  loading: number;
  timer: NodeJS.Timeout | undefined;
}

export function makeLine(key: ExecutorKey): Line {
  return {
    key,
    name: nameOf(key),
    executors: new Set(),
    idle: [],
    queue: new FairQueue(),
    loading: 0,
    timer: undefined,
  };
}

/** What tells one key from all others. */
export function nameOf({ tenant, digest, memoryBytes, jailed }: ExecutorKey): string {
  return `${tenant}/${digest}/${memoryBytes}/${jailed ? 'jailed' : 'unjailed'}`;
}

/** Whether it works although nothing was asked of it, as only one that was taken over does. */
export function isRestless(assigned: Assigned): boolean {
  if (!assigned.rested) return false;
  const cpuMs = assigned.executor.cpu.look();
  assigned.restedCpuMs ??= cpuMs;
  return cpuMs - assigned.restedCpuMs > RESTLESS_MS;
}
