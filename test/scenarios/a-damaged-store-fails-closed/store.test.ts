// A store that was truncated, overwritten or written by a newer version: a clear error, and nothing runs.

import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../../support/fixtures.ts';
import { createTestHome, type TestHome } from '../../support/warder.ts';

const CALL = ['call', 'text_echo', '--args', '{"text":"x"}'];

let home: TestHome;
let store: string;
let good: Buffer;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
  await home.ok(CALL);
  await home.ok(['stop']);
  store = join(home.root, 'state.db');
  good = readFileSync(store);
});

afterAll(() => home.remove());

test.each<[string, () => void]>([
  ['cut in half', () => truncateSync(store, Math.floor(good.length / 2 / 4096) * 4096)],
  ['cut inside a page', () => truncateSync(store, 5000)],
  ['overwritten with something else', () => writeFileSync(store, Buffer.alloc(good.length, 0x61))],
  [
    'with a page of noise',
    () =>
      writeFileSync(
        store,
        Buffer.concat([good.subarray(0, 4096), Buffer.alloc(8192, 7), good.subarray(12288)]),
      ),
  ],
  [
    'of a newer version',
    () => {
      const db = new DatabaseSync(store);
      db.exec('PRAGMA user_version = 9999');
      db.close();
    },
  ],
  ['empty', () => truncateSync(store, 0)],
  ['missing', () => rmSync(store)],
])('a store %s: exit 7, a hint, no call runs', async (name, damage) => {
  damage();
  try {
    const done = await home.run(['--json', ...CALL]);
    // An empty store is a new one to SQLite; the tool is unknown then, and the log is not the one signed.
    const unknownTool = done.code === 2 && (name === 'empty' || name === 'missing');
    expect(done.code === 7 || unknownTool, `${done.code} ${done.stdout}${done.stderr}`).toBe(true);
    expect(done.stderr).toMatch(/^error\[[a-z-]+\]: .+\nhint: .+/);
    expect(done.stdout).not.toContain('"content"');
  } finally {
    await home.ok(['stop']);
    for (const end of ['', '-wal', '-shm']) {
      if (existsSync(`${store}${end}`)) rmSync(`${store}${end}`);
    }
    writeFileSync(store, good, { mode: 0o600 });
  }
});

test('put back, it works, and nothing is lost', async () => {
  const done = await home.run(CALL);
  expect(done.code, done.stderr).toBe(0);
  const audit = await home.run(['receipts', 'verify']);
  expect(audit.code, audit.stderr).toBe(0);
});
