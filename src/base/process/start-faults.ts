// Tells whether the current process was started the way every warder process must be.

import { isUnsafeVariable } from './scrub-environment.ts';

/** Without it SIGUSR1 opens an inspector that runs any code in the process. */
export const NO_INSPECTOR_FLAG = '--disable-sigusr1';

/** The start of a process, as `process` tells it. */
export interface ProcessStart {
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * What is wrong with how this process was started; empty when nothing is. An entry that finds
 * faults starts itself again with {@link NO_INSPECTOR_FLAG} and a scrubbed environment.
 */
export function startFaults(start: ProcessStart = process): readonly string[] {
  const faults: string[] = [];
  if (!start.execArgv.includes(NO_INSPECTOR_FLAG)) {
    faults.push(`started without \`${NO_INSPECTOR_FLAG}\``);
  }
  if (start.execArgv.some((flag) => flag.startsWith('--inspect'))) {
    faults.push('started with an inspector');
  }
  for (const [name, value] of Object.entries(start.env)) {
    if (value !== undefined && isUnsafeVariable(name)) faults.push(`\`${name}\` is set`);
  }
  return faults;
}
