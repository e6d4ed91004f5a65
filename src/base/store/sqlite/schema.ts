// Physical names, and the check that the file has exactly the columns and indexes the rooms declared.

import type { DatabaseSync } from 'node:sqlite';
import { WarderError } from '../../errors/errors.ts';
import { type Declarations, same } from '../declared.ts';

/** Physical table of a keyed table. */
export function tableName(name: string): string {
  return `t_${name}`;
}

/** Physical table of a sequence. */
export function sequenceName(name: string): string {
  return `s_${name}`;
}

/** Column of an index, quoted. */
export function indexColumn(name: string): string {
  return `"i_${name}"`;
}

/** Column of a facet, quoted. */
export function facetColumn(name: string): string {
  return `"f_${name}"`;
}

/** The index that selections of a sequence scan. */
export function facetIndex(sequence: string): string {
  return `${sequenceName(sequence)}.facets`;
}

/**
 * Compares the declared tables with the file.
 *
 * @throws WarderError `internal` that lists every difference: code and migrations have come apart.
 */
export function checkSchema(db: DatabaseSync, declarations: Declarations): void {
  const problems: string[] = [];
  for (const [name, indexes] of declarations.tables) {
    const table = tableName(name);
    compare(db, table, ['tenant', 'key', 'value'], 'i_', indexes, problems);
    const indexed = names(db, FIRST_COLUMNS, table);
    for (const index of indexes) {
      if (!indexed.includes(`i_${index}`))
        problems.push(`\`${table}\` has no index on \`${index}\``);
    }
  }
  for (const [name, facets] of declarations.sequences) {
    compare(
      db,
      sequenceName(name),
      ['at', 'tenant', 'id', 'time', 'bytes'],
      'f_',
      facets,
      problems,
    );
    const covered = names(db, 'SELECT name FROM pragma_index_info(?)', facetIndex(name));
    const missing = facets.filter((facet) => !covered.includes(`f_${facet}`));
    if (covered[0] !== 'at' || missing.length > 0) {
      problems.push(`\`${facetIndex(name)}\` does not cover ${['at', ...missing].join(', ')}`);
    }
  }
  if (problems.length > 0) {
    throw new WarderError(
      'internal',
      `the store's schema is not as declared: ${problems.join('; ')}`,
    );
  }
}

/** First columns of a table's indexes. */
const FIRST_COLUMNS = `SELECT i.name AS name
  FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i WHERE i.seqno = 0`;

function compare(
  db: DatabaseSync,
  table: string,
  fixed: readonly string[],
  prefix: string,
  declared: readonly string[],
  problems: string[],
): void {
  const columns = names(db, 'SELECT name FROM pragma_table_info(?)', table);
  if (columns.length === 0) {
    problems.push(`no table \`${table}\``);
    return;
  }
  const wanted = [...fixed, ...declared.map((name) => prefix + name)].sort();
  if (!same(wanted, columns)) {
    problems.push(`\`${table}\` has ${columns.join(', ')} where ${wanted.join(', ')} is declared`);
  }
}

function names(db: DatabaseSync, sql: string, table: string): string[] {
  return db
    .prepare(sql)
    .all(table)
    .map((row) => String(row['name']));
}
