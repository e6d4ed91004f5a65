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

/**
 * Compares the declared tables with the file.
 *
 * @throws WarderError `internal` that lists every difference: code and migrations have come apart.
 */
export function checkSchema(db: DatabaseSync, declarations: Declarations): void {
  const problems: string[] = [];
  for (const [name, indexes] of declarations.tables) {
    compare(db, tableName(name), ['tenant', 'key', 'value'], 'i_', indexes, problems);
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
  }
  if (problems.length > 0) {
    throw new WarderError(
      'internal',
      `the store's schema is not as declared: ${problems.join('; ')}`,
    );
  }
}

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
  const indexed = names(
    db,
    `SELECT i.name AS name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i
      WHERE i.seqno = 0`,
    table,
  );
  for (const name of declared) {
    if (!indexed.includes(prefix + name)) problems.push(`\`${table}\` has no index on \`${name}\``);
  }
}

function names(db: DatabaseSync, sql: string, table: string): string[] {
  return db
    .prepare(sql)
    .all(table)
    .map((row) => String(row['name']));
}
