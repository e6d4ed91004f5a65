// What was deleted from the store on files is nowhere in them any more, and traces in backups are found.

import { hash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { isScrubbing, type Scrubbing, type Store } from '../../../src/base/store/store.ts';
import { openingTable } from '../../../src/trust/receipt/openings.ts';
import { leafSequence } from '../../../src/trust/receipt/receipt-log.ts';

interface Row {
  readonly key: string;
  readonly salt: string;
  readonly value: string;
}

let drawn = 0;

/** The same digits in every run. */
function hex(digits: number): string {
  let text = '';
  while (text.length < digits) text += hash('sha256', `drawn ${(drawn += 1)}`);
  return text.slice(0, digits);
}

/** Keys of several kinds, so that rows go between rows and pages are split. */
function rows(count: number): readonly Row[] {
  return Array.from({ length: count }, (_, at) => {
    const kind = ['call', 'lease', 'appr'][at % 3] ?? '';
    const long = at % 7 === 0 ? 9000 : 120 + (at % 500);
    return { key: `${kind}_${hex(20)}`, salt: hex(32), value: `secret-${hex(long)}` };
  });
}

function openStore(): { readonly path: string; readonly store: Store & Scrubbing } {
  const directory = mkdtempSync(join(tmpdir(), 'warder-scrub-'));
  const path = join(directory, 'state.db');
  const store = openSqliteStore({ path, tables: [openingTable], sequences: [leafSequence] });
  onTestFinished(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });
  if (!isScrubbing(store)) throw new Error('a store on files has files');
  return { path, store };
}

function openingsOf({ salt, value }: Row): object {
  return { fields: { arguments: { salt, value } }, effects: [] };
}

/** Files in the directory in which any of the values stands, be it in part. */
function filesWith(path: string, erased: readonly Row[]): string[] {
  const directory = join(path, '..');
  return readdirSync(directory).filter((name) => {
    const bytes = readFileSync(join(directory, name)).toString('latin1');
    return erased.some(({ salt, value }) =>
      [salt, value.slice(7, 39), value.slice(-32)].some((part) => bytes.includes(part)),
    );
  });
}

async function fill(store: Store, all: readonly Row[]): Promise<void> {
  for (let at = 0; at < all.length; at += 50) {
    await store.commit((tx) => {
      for (const row of all.slice(at, at + 50)) {
        tx.insert(openingTable, 'default', row.key, openingsOf(row) as never);
      }
    });
  }
}

test('a deleted value is in none of the files, whatever the pages went through', async () => {
  const { path, store } = openStore();
  const all = rows(1500);
  await fill(store, all);
  const erased = all.filter((_, at) => at % 5 === 0);
  await store.commit((tx) => {
    for (const [at, { key }] of erased.entries()) {
      if (at % 2 === 0) tx.delete(openingTable, 'default', key);
      else tx.put(openingTable, 'default', key, { fields: {}, effects: [] });
    }
  });
  expect(filesWith(path, erased)).not.toEqual([]);
  const texts = new Set(erased.map(({ salt }) => salt));
  expect(await store.scrub({ after: '"salt":"', texts })).toEqual([]);
  expect(filesWith(path, erased)).toEqual([]);
  // The others are whole.
  const kept = all.find((_, at) => at % 5 === 1) as Row;
  expect(store.read((r) => r.get(openingTable, 'default', kept.key))).toEqual(openingsOf(kept));
});

test('a backup that holds the value is named', async () => {
  const { path, store } = openStore();
  const [row] = rows(1) as [Row];
  await fill(store, [row]);
  const backup = `${path}.v9.backup`;
  await store.scrub({ after: '"salt":"', texts: new Set([hex(32)]) });
  copyFileSync(path, backup);
  await store.commit((tx) => tx.delete(openingTable, 'default', row.key));
  const traces = { after: '"salt":"', texts: new Set([row.salt]) };
  expect(await store.scrub(traces)).toEqual([backup]);
  expect(filesWith(path, [row])).toEqual(['state.db.v9.backup']);
});

test('while another process reads, nothing is said to be gone', async () => {
  const { path, store } = openStore();
  const [row] = rows(1) as [Row];
  await fill(store, [row]);
  const other = new DatabaseSync(path, { readOnly: true });
  onTestFinished(() => other.close());
  other.exec('BEGIN; SELECT count(*) FROM "t_opening"');
  await store.commit((tx) => tx.delete(openingTable, 'default', row.key));
  const traces = { after: '"salt":"', texts: new Set([row.salt]) };
  await expect(store.scrub(traces)).rejects.toMatchObject({ code: 'unavailable' });
  other.exec('ROLLBACK');
  expect(await store.scrub(traces)).toEqual([]);
});
