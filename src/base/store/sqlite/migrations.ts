// The schema's history: forward-only steps, a backup before each, a newer schema refused.

import { chmodSync, closeSync, openSync, existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { WarderError } from '../../errors/errors.ts';
import { storeFailure } from './failure.ts';
import { facetColumn, facetIndex, indexColumn, sequenceName, tableName } from './schema.ts';

/** One step. `version` is the `PRAGMA user_version` after it; steps are numbered from 1 without gaps. */
export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** Marks the file as ours: "wrdr". */
const APPLICATION_ID = 0x77726472;

/** All steps. Never edit one that was released: add the next. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    sql: [
      keyed('installation', ['name']),
      keyed('tool-name', ['installation']),
      keyed('catalog-version', []),
      keyed('lease', ['agent', 'subject', 'state']),
      keyed('approval', ['state', 'digest', 'principal', 'open', 'waiting']),
      keyed('intent', []),
      keyed('opening', []),
      keyed('kv', ['installation']),
      keyed('meta', []),
      keyed('checkpoint', []),
      keyed('proof-replay', []),
      keyed('policy', []),
      numbered('leaf', ['type', 'tool', 'outcome', 'principal', 'lease', 'task', 'approval']),
    ].join('\n'),
  },
  {
    version: 2,
    sql: [keyed('secret', []), keyed('secret-use', [])].join('\n'),
  },
  {
    version: 3,
    sql: ['budget', 'budget-use', 'budget-hold', 'budget-version']
      .map((name) => keyed(name, []))
      .join('\n'),
  },
  {
    version: 4,
    sql: keyed('lease-request', ['principal', 'waiting']),
  },
  {
    version: 5,
    // Keys of leases are digests: in their order every new row dirtied a page of its own.
    sql: relaid('lease', ['subject', 'state']),
  },
  {
    version: 6,
    sql: keyed('trust', []),
  },
  {
    version: 7,
    // What a revocation list names lies in the order in which it may be left out again.
    sql: [
      keyed('signing-key', []),
      keyed('revocation-list', []),
      `INSERT INTO "${tableName('meta')}" (tenant, key, value)
       SELECT tenant, 'lease-ended/' || printf('%010d', value ->> '$.claims.exp') || '/' || key, '{}'
       FROM "${tableName('lease')}" WHERE ${indexColumn('state')} IN ('revoked', 'released')
       AND value ->> '$.claims.cnf.conn' IS NULL;`,
    ].join('\n'),
  },
  {
    version: 8,
    // They last ten minutes and are of another shape since; receipts keep what was decided.
    sql: ['approval', 'lease-request']
      .map((name) => `DELETE FROM "${tableName(name)}";`)
      .join('\n'),
  },
  {
    version: 9,
    sql: keyed('tool-use', []),
  },
  {
    version: 10,
    // Found by their state as well; rows of version 8 last ten minutes.
    sql: [
      `DROP TABLE "${tableName('lease-request')}";`,
      keyed('lease-request', ['principal', 'state', 'waiting']),
    ].join('\n'),
  },
  {
    version: 11,
    sql: keyed('witness', []),
  },
  {
    version: 12,
    // In the order of their keys, each new lease dirtied a page of each.
    sql: ['subject', 'state'].map((index) => arriving('lease', index)).join('\n'),
  },
];

/**
 * Brings the file to the last version, each step in a transaction of its own. A file that
 * already had a version is first copied to `PATH.vN.backup` by VACUUM INTO.
 *
 * @returns paths of the backups made.
 * @throws WarderError `unavailable` when the file is newer than this warder, is another
 *   program's, or a step or its backup fails; the file then has the version it had.
 */
export function migrate(
  db: DatabaseSync,
  path: string,
  steps: readonly Migration[] = migrations,
): string[] {
  const from = pragma(db, 'user_version');
  const last = steps.at(-1)?.version ?? 0;
  if (from > 0 && pragma(db, 'application_id') !== APPLICATION_ID) {
    throw new WarderError('unavailable', `\`${path}\` is a database of another program`, {
      hint: 'check the home; warder keeps its state in `state.db`',
    });
  }
  if (from > last) {
    throw new WarderError(
      'unavailable',
      `\`${path}\` has schema ${from}, this warder knows up to ${last}`,
      { hint: 'run the newer warder, or restore the backup made before it migrated' },
    );
  }
  const backups: string[] = [];
  for (const step of steps.slice(from)) {
    try {
      if (from > 0) backups.push(backup(db, path, step.version - 1));
      db.exec('BEGIN EXCLUSIVE');
      db.exec(step.sql);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${step.version}`);
      db.exec('COMMIT');
    } catch (cause) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw storeFailure(`migration ${step.version} of \`${path}\` failed`, cause);
    }
  }
  return backups;
}

function backup(db: DatabaseSync, path: string, version: number): string {
  let target = `${path}.v${version}.backup`;
  for (let n = 2; existsSync(target); n += 1) target = `${path}.v${version}.${n}.backup`;
  // VACUUM INTO takes an existing empty file: made here so that it is never readable by others.
  closeSync(openSync(target, 'wx', 0o600));
  chmodSync(target, 0o600);
  db.prepare('VACUUM INTO ?').run(target);
  return target;
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

// The layouts. They are part of history: a later layout is a new function.

function keyed(name: string, indexes: readonly string[]): string {
  const table = tableName(name);
  const columns = indexes.map((index) => `${indexColumn(index)} ANY`);
  return [
    `CREATE TABLE "${table}" (tenant TEXT NOT NULL, key TEXT NOT NULL, value ANY NOT NULL,`,
    [...columns, 'PRIMARY KEY (tenant, key)'].join(', '),
    ') STRICT, WITHOUT ROWID;',
    ...indexes.map((index) => secondary(table, index)),
  ].join('\n');
}

function numbered(name: string, facets: readonly string[]): string {
  const table = sequenceName(name);
  const columns = facets.map((facet) => `${facetColumn(facet)} TEXT`);
  return [
    `CREATE TABLE "${table}" (at INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL UNIQUE,`,
    ['time INTEGER NOT NULL', ...columns, 'bytes BLOB NOT NULL'].join(', '),
    ') STRICT;',
    // One narrow index in entry order serves every selection: an append touches one page of it, and a
    // selection scans it instead of the entries themselves.
    `CREATE INDEX "${facetIndex(name)}" ON "${table}" (at, tenant, time, ${facets.map(facetColumn).join(', ')});`,
  ].join('\n');
}

/** A keyed table whose rows lie in the order they came; takes the place of an earlier one, rows and all. */
function relaid(name: string, indexes: readonly string[]): string {
  const table = tableName(name);
  const columns = ['tenant', 'key', 'value', ...indexes.map(indexColumn)].join(', ');
  return [
    `CREATE TABLE "${table}.new" (tenant TEXT NOT NULL, key TEXT NOT NULL, value ANY NOT NULL,`,
    [...indexes.map((index) => `${indexColumn(index)} ANY`), 'PRIMARY KEY (tenant, key)'].join(
      ', ',
    ),
    ') STRICT;',
    `INSERT INTO "${table}.new" (${columns}) SELECT ${columns} FROM "${table}";`,
    `DROP TABLE "${table}";`,
    `ALTER TABLE "${table}.new" RENAME TO "${table}";`,
    ...indexes.map((index) => secondary(table, index)),
  ].join('\n');
}

function secondary(table: string, index: string): string {
  const column = indexColumn(index);
  return `CREATE INDEX "${table}.${index}" ON "${table}" (${column}, tenant, key)
          WHERE ${column} IS NOT NULL;`;
}

/** An index in the order in which the rows of a relaid table came; takes the place of an earlier one. */
function arriving(name: string, index: string): string {
  const table = tableName(name);
  const column = indexColumn(index);
  return `DROP INDEX "${table}.${index}";
          CREATE INDEX "${table}.${index}" ON "${table}" (${column}, tenant)
          WHERE ${column} IS NOT NULL;`;
}
