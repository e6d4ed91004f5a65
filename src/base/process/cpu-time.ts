// The CPU time a process took, as the kernel counts it.

import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second for everyone, whatever it counts in itself. */
export const CPU_STEP_MS = 10;

/**
 * CPU milliseconds of a process so far, all its threads together, in steps of {@link CPU_STEP_MS};
 * undefined when it is gone or the system does not tell.
 */
export function cpuMsOf(pid: number): number | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // Fields 14 and 15 of proc_pid_stat(5); the name before them may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ', 13);
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isSafeInteger(ticks) ? ticks * CPU_STEP_MS : undefined;
}
