// Group commit: all work handed in during one turn of the event loop goes to one flush.

import { WarderError } from '../errors/errors.ts';
import type { Tx } from './store.ts';

/** One caller's work and the way to answer it. */
export interface Job {
  readonly work: (tx: Tx) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Collects jobs until the check phase of the event loop. Every callback of one poll phase,
 * and every promise reaction to it, joins the group; a single caller waits a few microseconds.
 */
export class CommitQueue {
  #jobs: Job[] = [];
  #closing: PromiseWithResolvers<void> | undefined;
  readonly #flush: (jobs: readonly Job[]) => void;

  /** @param flush runs the jobs in one transaction and answers each; it must not throw. */
  constructor(flush: (jobs: readonly Job[]) => void) {
    this.#flush = flush;
  }

  /** Whether {@link CommitQueue.close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  push<T>(work: (tx: Tx) => T): Promise<T> {
    if (this.closed) return Promise.reject(closedError());
    return new Promise<T>((resolve, reject) => {
      if (this.#jobs.length === 0) setImmediate(() => this.#run());
      this.#jobs.push({ work, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Refuses new work and waits for what is queued. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers();
      if (this.#jobs.length === 0) this.#closing.resolve();
    }
    return this.#closing.promise;
  }

  #run(): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#flush(jobs);
    this.#closing?.resolve();
  }
}

/** Runs a work function and refuses one that waits: its later writes would belong to nobody. */
export function runWork(work: (tx: Tx) => unknown, tx: Tx): unknown {
  const result = work(tx);
  if (typeof result === 'object' && result !== null && 'then' in result) {
    throw new WarderError('internal', 'a transaction never waits: its work must be synchronous');
  }
  return result;
}

/** What use after close answers. */
export function closedError(): WarderError {
  return new WarderError('unavailable', 'the store is closed', {
    hint: 'the daemon is stopping; ask again when it runs',
  });
}
