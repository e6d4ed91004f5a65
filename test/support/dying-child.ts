// Scripts of test/fixtures that end themselves amid their work, as by a power cut.

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** Runs one to its end. @returns the signal it ended by, or its exit code. */
export function endOf(name: string, ...args: readonly string[]): Promise<NodeJS.Signals | number> {
  const script = resolve(import.meta.dirname, '../fixtures', name);
  return new Promise((done, reject) => {
    const words = ['--no-warnings', script, ...args];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code, signal) => done(signal ?? code ?? -1));
  });
}
