// A classifier that is a command: started for each question, told on its standard input, read from its
// standard output, ended with everything it started.

import { spawn } from 'node:child_process';
import { WarderError } from '../../base/errors/errors.ts';
import {
  ANSWER_MAX,
  type Classifier,
  type ClassifierAnswer,
  type ClassifierQuestion,
  parseClassifierAnswer,
} from './classifier.ts';

export interface ClassifierCommand {
  /** Absolute path of a program, and its arguments. No shell reads them. */
  readonly command: readonly [program: string, ...words: string[]];
  /** Milliseconds from the question to the answer, waiting for others included. */
  readonly timeoutMs: number;
}

/** Programs that run at once; more questions wait within their own time. */
const AT_ONCE = 8;

/** All a classifier sees of our environment: nothing of it. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' };

export class CommandClassifier implements Classifier {
  readonly #command: ClassifierCommand;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(command: ClassifierCommand) {
    this.#command = command;
  }

  async classify(question: ClassifierQuestion): Promise<ClassifierAnswer> {
    const signal = AbortSignal.timeout(this.#command.timeoutMs);
    await this.#turn(signal);
    try {
      return await ask(this.#command.command, question, signal);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#running < AT_ONCE) {
      this.#running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', late);
        this.#running += 1;
        resolve();
      };
      const late = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        reject(failed('did not answer in time'));
      };
      signal.addEventListener('abort', late, { once: true });
      this.#waiting.push(begin);
    });
  }
}

function ask(
  [program, ...words]: ClassifierCommand['command'],
  question: ClassifierQuestion,
  signal: AbortSignal,
): Promise<ClassifierAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      cwd: '/',
      env: ENVIRONMENT,
      // A group of its own, so that what it starts ends with it.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const parts: Buffer[] = [];
    let length = 0;
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', late);
      killGroup(child.pid);
      child.stdout.destroy();
      child.stdin.destroy();
      settle();
    };
    const late = (): void => end(() => reject(failed('did not answer in time')));
    signal.addEventListener('abort', late, { once: true });
    child.on('error', (cause) => end(() => reject(failed('cannot be started', cause))));
    // What it did not read it did not want; its answer says all there is to say.
    child.stdin.on('error', () => {});
    child.stdin.end(`${JSON.stringify(question)}\n`);
    child.stdout.on('error', () => {});
    child.stdout.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length > ANSWER_MAX) end(() => reject(failed('answered too much')));
    });
    child.on('close', (code) => {
      end(() => {
        if (code !== 0) return reject(failed('ended without an answer'));
        try {
          resolve(parseClassifierAnswer(Buffer.concat(parts)));
        } catch (cause) {
          reject(failed('answered what cannot be read', cause));
        }
      });
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it is gone.
  }
}

function failed(why: string, cause?: unknown): WarderError {
  return new WarderError('unavailable', `the classifier ${why}`, { cause });
}
