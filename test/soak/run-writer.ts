// Runs a writer as a process of its own, perhaps under strace, and listens to what it says.

import { spawn } from 'node:child_process';
import { Finding } from '../fuzz/target.ts';

/** What a writer runs unless told otherwise. */
const WRITER = new URL('./writer.ts', import.meta.url);

/** No writer that is to end by itself works so long. */
const LONGEST_MS = 120_000;

export interface WriterRun {
  readonly site: string;
  readonly seed: number;
  readonly program?: URL;
  /** Steps; without, it goes on until it is killed. */
  readonly steps?: number;
  /** Whether the same seed is to make the same system calls. */
  readonly steady?: boolean;
  /** That wait for the disk at once: 4, or for the same system calls 1. */
  readonly threads?: number;
  /** What it is run below, e.g. strace. */
  readonly below?: readonly string[];
  /** Asked after each line; true kills it. */
  readonly until?: (line: string) => boolean;
  readonly onStart?: (kill: () => void) => void;
}

/** How it ended. */
export type WriterEnd = 'ended' | 'killed';

/** Who is told what it said, once it has ended. */
export interface Listener {
  hear(line: string): void;
}

/** Runs it to its end. @throws Finding when it ended in a way that nobody asked for. */
export async function runWriter(run: WriterRun, promises: Listener): Promise<WriterEnd> {
  const { site, seed, steps, steady, below = [], until, onStart } = run;
  const { threads = steady === true ? 1 : 4, program: script = WRITER } = run;
  const words = [
    ...below,
    process.execPath,
    '--no-warnings',
    script.pathname,
    site,
    String(seed),
    steps === undefined ? 'forever' : String(steps),
    ...(steady === true ? ['steady'] : []),
  ];
  const [program = '', ...args] = words;
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, UV_THREADPOOL_SIZE: String(threads) },
  });
  const lines: string[] = [];
  let [text, errors] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const whole = text.split('\n');
    text = whole.pop() ?? '';
    for (const line of whole) {
      lines.push(line);
      if (until?.(line) === true) child.kill('SIGKILL');
    }
  });
  onStart?.(() => child.kill('SIGKILL'));
  const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
    (resolve, reject) => {
      child.on('error', reject);
      child.on('close', (...end) => resolve(end));
    },
  );
  clearTimeout(late);
  for (const line of lines) promises.hear(line);
  if (signal === 'SIGKILL' || code === 137) return 'killed';
  if (code === 0) return 'ended';
  throw new Finding(`the writer ended with ${String(code ?? signal)}: ${errors.slice(0, 2000)}`);
}
