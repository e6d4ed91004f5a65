import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate, migrations } from '../../../src/base/store/sqlite/migrations.ts';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import {
  declared,
  entry,
  leafSequence,
  leaseTable,
  openingTable,
} from '../../contracts/store-tables.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'warder-migrate-'));
  path = join(dir, 'state.db');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const last = migrations.length;
const next = { version: last + 1, sql: 'CREATE TABLE t_new (x TEXT) STRICT;' };
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
  expect(backups).toEqual([`${path}.v${last}.backup`]);
  expect(statSync(`${path}.v${last}.backup`).mode & 0o777).toBe(0o600);
  expect(version(path)).toBe(last + 1);
  expect(version(`${path}.v${last}.backup`)).toBe(last);
  const restored = openSqliteStore({ path: `${path}.v${last}.backup`, ...declared });
  expect(restored.read((r) => r.entryById(leafSequence, 'a'))?.index).toBe(0);
  await restored.close();
});

it('takes a home from each version it ever had to the last, and a new one without copies', async () => {
  for (let from = 1; from <= last; from += 1) {
    const file = join(dir, `from-${from}.db`);
    const db = new DatabaseSync(file);
    expect(migrate(db, file, migrations.slice(0, from))).toEqual([]);
    expect(migrate(db, file)).toHaveLength(last - from);
    db.close();
    const store = openSqliteStore({ path: file, ...declared });
    await store.close();
  }
});

it('keeps every lease when their table is laid out anew', async () => {
  const db = new DatabaseSync(path);
  migrate(db, path, migrations.slice(0, 4));
  const insert = db.prepare(
    `INSERT INTO t_lease (tenant, key, value, i_agent, i_subject, i_state) VALUES ('default', ?, ?, 'a', 's', 'active')`,
  );
  for (const key of ['c', 'a', 'b'])
    insert.run(key, JSON.stringify({ subject: 's', state: 'active' }));
  db.close();
  const store = openSqliteStore({ path, ...declared });
  const keys = store.read((reader) =>
    reader.list(leaseTable, 'default', { index: ['state', 'active'] }).map(({ key }) => key),
  );
  await store.close();
  expect(keys).toEqual(['a', 'b', 'c']);
});

it('keeps indexes of leases in the order they came, not in that of their keys', async () => {
  await makeFirst();
  const db = new DatabaseSync(path, { readOnly: true });
  const columns = db.prepare('SELECT name FROM pragma_index_info(?) ORDER BY seqno');
  for (const index of ['subject', 'state']) {
    expect(columns.all(`t_lease.${index}`).map(({ name }) => name)).toEqual([
      `i_${index}`,
      'tenant',
    ]);
  }
  db.close();
});

it('leaves the old version when a step fails, and never overwrites a backup', async () => {
  await makeFirst();
  const db = new DatabaseSync(path);
  const broken = { version: last + 1, sql: 'CREATE TABLE t_half (x TEXT); CREATE TABLE t_leaf (;' };
  expect(() => migrate(db, path, [...migrations, broken])).toThrow(`migration ${last + 1}`);
  expect(db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't_half'").get()).toBeUndefined();
  migrate(db, path, [...migrations, next]);
  db.close();
  expect(version(path)).toBe(last + 1);
  expect(version(`${path}.v${last}.backup`)).toBe(last);
  expect(version(`${path}.v${last}.2.backup`)).toBe(last);
});

it('refuses a schema newer than it knows and changes nothing', async () => {
  await makeFirst();
  const db = new DatabaseSync(path);
  migrate(db, path, [...migrations, next]);
  db.close();
  expect(() => openSqliteStore({ path, ...declared })).toThrow(
    expect.objectContaining({
      code: 'unavailable',
      message: expect.stringMatching(`schema ${last + 1}`),
    }),
  );
  expect(version(path)).toBe(last + 1);
  expect(existsSync(`${path}.v${last + 1}.backup`)).toBe(false);
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
  ['t_lease.subject', 'no index on `subject`'],
  ['s_leaf.facets', 'does not cover at'],
])('notices that the index %s is missing from the file', async (index, said) => {
  await makeFirst();
  const db = new DatabaseSync(path);
  db.exec(`DROP INDEX "${index}"`);
  db.close();
  expect(() => openSqliteStore({ path, ...declared })).toThrow(said);
});
