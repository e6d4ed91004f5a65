// Somebody who can write to the home edits, reorders, cuts or replaces the log while the daemon is down.

import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sampleTool } from '../../support/fixtures.ts';
import { createTestHome, type TestHome } from '../../support/warder.ts';

const KEPT = ['state.db', 'state.db-wal', 'state.db-shm', 'log'];

let home: TestHome;
let early: string;
let good: string;

beforeAll(async () => {
  early = mkdtempSync(join(tmpdir(), 'warder-early-'));
  good = mkdtempSync(join(tmpdir(), 'warder-good-'));
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  await home.ok(['receipts', 'checkpoint']);
  await home.ok(['stop']);
  copy(home.root, early);
  for (let at = 0; at < 3; at += 1) {
    await home.ok(['call', 'text_echo', '--args', `{"text":"${at}"}`]);
  }
  await home.ok(['receipts', 'checkpoint']);
  await home.ok(['stop']);
  copy(home.root, good);
}, 60_000);

afterAll(async () => {
  await home.remove();
  for (const path of [early, good]) rmSync(path, { recursive: true, force: true });
});

beforeEach(() => {
  home.kill();
  copy(good, home.root);
});

function copy(from: string, to: string): void {
  for (const name of KEPT) {
    rmSync(join(to, name), { recursive: true, force: true });
    if (existsSync(join(from, name))) cpSync(join(from, name), join(to, name), { recursive: true });
  }
}

function edit(...statements: readonly string[]): void {
  const db = new DatabaseSync(join(home.root, 'state.db'));
  for (const statement of statements) db.exec(statement);
  db.close();
}

const DONE = `(SELECT at FROM s_leaf WHERE f_outcome = 'done' ORDER BY at LIMIT 1)`;

test('control: the untouched log verifies', async () => {
  const audit = await home.run(['receipts', 'verify']);
  expect(audit.code, audit.stderr).toBe(0);
});

const attacks: readonly (readonly [string, () => void])[] = [
  [
    'a leaf that says something else',
    () =>
      edit(
        `UPDATE s_leaf SET bytes = CAST(replace(CAST(bytes AS TEXT), '"done"', '"lost"') AS BLOB) WHERE at = ${DONE}`,
      ),
  ],
  [
    'a leaf that says something else, and tiles to be derived again',
    () => {
      edit(
        `UPDATE s_leaf SET bytes = CAST(replace(CAST(bytes AS TEXT), '"done"', '"lost"') AS BLOB) WHERE at = ${DONE}`,
      );
      rmSync(join(home.root, 'log', 'tile'), { recursive: true });
    },
  ],
  ['a leaf taken out', () => edit(`DELETE FROM s_leaf WHERE at = ${DONE}`)],
  [
    'two leaves exchanged',
    () =>
      edit(
        'UPDATE s_leaf SET at = -1 WHERE at = 3',
        'UPDATE s_leaf SET at = 3 WHERE at = 4',
        'UPDATE s_leaf SET at = 4 WHERE at = -1',
      ),
  ],
  ['the tail cut off', () => edit('DELETE FROM s_leaf WHERE at > 5')],
  [
    'the tail cut off, with the checkpoints that cover it',
    () => {
      edit('DELETE FROM s_leaf WHERE at > 5', 'DELETE FROM t_checkpoint');
      rmSync(join(home.root, 'log'), { recursive: true });
    },
  ],
  [
    'every leaf and checkpoint gone',
    () => {
      edit('DELETE FROM s_leaf', 'DELETE FROM t_checkpoint');
      rmSync(join(home.root, 'log'), { recursive: true });
    },
  ],
  [
    'the whole store gone',
    () => {
      for (const name of KEPT) rmSync(join(home.root, name), { recursive: true, force: true });
    },
  ],
  ['an older copy of the home put back', () => copy(early, home.root)],
];

test.each(attacks)('%s', async (_, attack) => {
  attack();
  const audit = await home.run(['--json', 'receipts', 'verify']);
  expect([6, 7], `${audit.stdout}${audit.stderr}`).toContain(audit.code);
  expect(audit.stderr).toMatch(/^error\[(verification-failed|unavailable)\]: .+\nhint: .+/);
  // Nothing new is signed over it either.
  const note = await home.run(['receipts', 'checkpoint']);
  expect(note.code, note.stdout).not.toBe(0);
});
