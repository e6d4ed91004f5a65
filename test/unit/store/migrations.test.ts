import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate, migrations } from '../../../src/base/store/sqlite/migrations.ts';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { declared, entry, leafSequence, openingTable } from '../../contracts/store-tables.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'warder-migrate-'));
  path = join(dir, 'state.db');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const next = { version: 2, sql: 'CREATE TABLE t_new (x) STRICT;'.replace('(x)', '(x TEXT)') };
const version = (file: string): unknown => {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare('PRAGMA user_version').get()?.['user_version'];
  } finally {
    db.close();
  }
};

async function makeFirst(): Promise<void> {
  const store = openSqliteStore({ path, ...declared });
  await store.commit((tx) => tx.append(leafSequence, 'default', entry('a')));
  await store.close();
}

it('numbers its steps from 1 without gaps', () => {
  expect(migrations.map((step) => step.version)).toEqual(migrations.map((_, at) => at + 1));
});

it('copies an existing store before each step, whole and private', async () => {
  await makeFirst();
  const db = new DatabaseSync(path);
  const backups = migrate(db, path, [...migrations, next]);
  db.close();
  expect(backups).toEqual([`${path}.v1.backup`]);
  expect(statSync(`${path}.v1.backup`).mode & 0o777).toBe(0o600);
  expect(version(path)).toBe(2);
  expect(version(`${path}.v1.backup`)).toBe(1);
  const restored = openSqliteStore({ path: `${path}.v1.backup`, ...declared });
  expect(restored.read((r) => r.entryById(leafSequence, 'a'))?.index).toBe(0);
  await restored.close();
});

it('leaves the old version when a step fails, and never overwrites a backup', async () => {
  await makeFirst();
  const db = new DatabaseSync(path);
  const broken = { version: 2, sql: 'CREATE TABLE t_half (x TEXT); CREATE TABLE t_leaf (;' };
  expect(() => migrate(db, path, [...migrations, broken])).toThrow('migration 2');
  expect(db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't_half'").get()).toBeUndefined();
  migrate(db, path, [...migrations, next]);
  db.close();
  expect(version(path)).toBe(2);
  expect(version(`${path}.v1.backup`)).toBe(1);
  expect(version(`${path}.v1.2.backup`)).toBe(1);
});

it('refuses a schema newer than it knows and changes nothing', async () => {
  await makeFirst();
  const db = new DatabaseSync(path);
  migrate(db, path, [...migrations, next]);
  db.close();
  expect(() => openSqliteStore({ path, ...declared })).toThrow(
    expect.objectContaining({ code: 'unavailable', message: expect.stringMatching('schema 2') }),
  );
  expect(version(path)).toBe(2);
  expect(existsSync(`${path}.v2.backup`)).toBe(false);
});

it('refuses to open with tables, indexes or facets the file does not have', async () => {
  await makeFirst();
  const opening =
    (tables: typeof declared.tables, sequences = declared.sequences) =>
    () =>
      openSqliteStore({ path, tables, sequences });
  const wrong = { code: 'internal', message: expect.stringContaining('not as declared') as string };
  expect(opening([{ name: 'nonsense', indexes: {} }])).toThrow(expect.objectContaining(wrong));
  expect(opening([{ ...openingTable, indexes: { x: () => 1 } }])).toThrow(
    expect.objectContaining(wrong),
  );
  expect(opening([{ name: 'lease', indexes: {} }])).toThrow(expect.objectContaining(wrong));
  expect(opening([], [{ name: 'leaf', facets: ['type'] }])).toThrow(expect.objectContaining(wrong));
});

it.each([
  ['t_lease.agent', 'no index on `agent`'],
  ['s_leaf.facets', 'does not cover at'],
])('notices that the index %s is missing from the file', async (index, said) => {
  await makeFirst();
  const db = new DatabaseSync(path);
  db.exec(`DROP INDEX "${index}"`);
  db.close();
  expect(() => openSqliteStore({ path, ...declared })).toThrow(said);
});
