// Processes as /proc tells of them: children, and whether one that was seen is still there.

import { readdirSync, readFileSync } from 'node:fs';

/** A process, for certain: numbers are used again, start times are not. */
export interface SeenProcess {
  readonly pid: number;
  /** Clock ticks after boot. */
  readonly startedAt: string;
}

/** Direct children of a process, oldest first; none when it is gone. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    // The process is gone, or the kernel keeps no such file.
    return searchChildren(pid);
  }
}

function searchChildren(parent: number): readonly number[] {
  if (statOf(parent) === undefined) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => statOf(pid)?.parent === parent);
}

/** The process of that number as it is now, if there is one. */
export function seenProcess(pid: number): SeenProcess | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : { pid, startedAt: stat.startedAt };
}

/** Whether it still runs. One that ended and waits to be reaped does not. */
export function isRunning({ pid, startedAt }: SeenProcess): boolean {
  const stat = statOf(pid);
  return stat?.startedAt === startedAt && stat.state !== 'Z' && stat.state !== 'X';
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly startedAt: string;
}

/** Fields 3, 4 and 22 of proc_pid_stat(5); the name before them may hold anything. */
function statOf(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', parent: Number(fields[1]), startedAt: fields[19] ?? '' };
}
