// The store on SQLite: WAL, synchronous=FULL, one writing connection, commits in groups.

import type { DatabaseSync } from 'node:sqlite';
import { type Declared, Declarations } from '../declared.ts';
import { closedError, CommitQueue, type Job, runWork } from '../group.ts';
import type { Reader, Scrubbing, Store, Traces, Tx } from '../store.ts';
import { WarderError } from '../../errors/errors.ts';
import { storeFailure } from './failure.ts';
import { openReader, openWriter } from './file.ts';
import { checkSchema } from './schema.ts';
import { foldLog, findTraces } from './scrub.ts';
import { Statements } from './statements.ts';
import { SqliteReader, SqliteTx, Texts } from './view.ts';

export interface SqliteOptions extends Declared {
  /** The database file, e.g. `HOME/state.db`; its directory must exist. */
  readonly path: string;
  /** Whether a missing file is made; true when absent. */
  readonly create?: boolean;
}

/**
 * Opens (or makes) the store, migrating it if needed. The process must hold the home's lock.
 *
 * @throws WarderError `unavailable` when the file is damaged, newer, or cannot be used;
 *   `internal` when the declared tables are not those of the file.
 */
export function openSqliteStore(options: SqliteOptions): Store {
  const declarations = new Declarations(options);
  const db = openWriter(options.path, options.create ?? true);
  try {
    checkSchema(db, declarations);
    return new SqliteStore(options.path, db, new Texts(declarations));
  } catch (error) {
    db.close();
    throw storeFailure(`cannot open the store \`${options.path}\``, error);
  }
}

type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

class SqliteStore implements Store, Scrubbing {
  readonly #path: string;
  readonly #texts: Texts;
  readonly #writer: Statements;
  readonly #queue: CommitQueue;
  #flushing = false;
  #outside: Statements | undefined;

  constructor(path: string, db: DatabaseSync, texts: Texts) {
    this.#path = path;
    this.#texts = texts;
    this.#writer = new Statements(db);
    this.#queue = new CommitQueue((jobs) => this.#flush(jobs));
  }

  read<T>(work: (reader: Reader) => T): T {
    if (!this.#writer.db.isOpen) throw closedError();
    // Between groups the writer's own connection holds only committed data, in a warm cache.
    // Work that reads the store from inside a group gets a connection that cannot see the group.
    const reader = new SqliteReader(this.#flushing ? this.#reader() : this.#writer, this.#texts);
    try {
      return work(reader);
    } finally {
      reader.end();
    }
  }

  commit<T>(work: (tx: Tx) => T): Promise<T> {
    return this.#queue.push(work);
  }

  async scrub(traces: Traces): Promise<readonly string[]> {
    // Behind everything that was handed in before.
    await this.commit(() => undefined);
    const { db } = this.#writer;
    if (!db.isOpen) throw closedError();
    foldLog(db);
    let found = await findTraces(this.#path, traces);
    if (found.own.length > 0) {
      // A page that was laid out anew kept a copy of what it had held: every page is written again.
      this.#outside?.db.close();
      this.#outside = undefined;
      db.exec('VACUUM');
      foldLog(db);
      found = await findTraces(this.#path, traces);
    }
    if (found.own.length > 0) {
      throw new WarderError('unavailable', 'traces of what was erased are left in the store', {
        hint: 'stop the daemon, run `sqlite3 state.db VACUUM`, and see whether a disk is failing',
        data: { files: found.own },
      });
    }
    return found.backups;
  }

  async close(): Promise<void> {
    await this.#queue.close();
    if (!this.#writer.db.isOpen) return;
    this.#outside?.db.close();
    this.#writer.db.close();
  }

  #flush(jobs: readonly Job[]): void {
    let outcomes: readonly Outcome[];
    this.#flushing = true;
    try {
      outcomes = this.#transact(jobs);
    } catch (cause) {
      const failure = storeFailure('the store cannot be written', cause);
      outcomes = jobs.map(() => ({ thrown: failure }));
    } finally {
      this.#flushing = false;
    }
    for (const [at, job] of jobs.entries()) {
      const outcome = outcomes[at] ?? { thrown: closedError() };
      if ('thrown' in outcome) job.reject(outcome.thrown);
      else job.resolve(outcome.value);
    }
  }

  #transact(jobs: readonly Job[]): Outcome[] {
    const { db } = this.#writer;
    const [first, ...more] = jobs;
    this.#run('BEGIN IMMEDIATE');
    try {
      // A job that is alone needs no savepoint: what undoes it undoes the transaction.
      if (first !== undefined && more.length === 0) {
        const outcome = this.#attempt(first);
        this.#run('thrown' in outcome ? 'ROLLBACK' : 'COMMIT');
        return [outcome];
      }
      const outcomes = jobs.map((job) => this.#savepoint(job));
      this.#run('COMMIT');
      return outcomes;
    } catch (error) {
      // SQLite may have rolled back by itself; if this fails too the next BEGIN reports it.
      if (db.isTransaction) this.#run('ROLLBACK');
      throw error;
    }
  }

  /** Runs one job of several; what it threw undoes it alone. */
  #savepoint(job: Job): Outcome {
    this.#run('SAVEPOINT job');
    const outcome = this.#attempt(job);
    if ('thrown' in outcome) this.#run('ROLLBACK TO job');
    this.#run('RELEASE job');
    return outcome;
  }

  /** Runs one job; what SQLite threw ends the group. */
  #attempt(job: Job): Outcome {
    const tx = new SqliteTx(this.#writer, this.#texts);
    let outcome: Outcome;
    try {
      outcome = { value: runWork(job.work, tx) };
    } catch (thrown) {
      outcome = { thrown };
    }
    tx.end();
    // Even when the work swallowed it: SQLite may have dropped what the others wrote.
    if (tx.failure !== undefined) throw tx.failure;
    return outcome;
  }

  #run(sql: string): void {
    this.#writer.get(sql).run();
  }

  #reader(): Statements {
    this.#outside ??= new Statements(openReader(this.#path));
    return this.#outside;
  }
}
