// Somebody writes to `state.db` while the daemon is down: swaps two secrets, flips a bit, puts an old
// value back, takes the key away. Requests that need them are refused before anything is sent, `doctor`
// says what is wrong, and setting the secret anew mends it.

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type SecretHome, secretHome } from '../../support/secret-home.ts';

// Commands and restarts of a daemon, on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const SECRET = 'sk-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd';
const OTHER = 'sk-other-Pq5Xs2Jy7Wd9Gh4Zz';
const LEAKED = 'sk-leaked-9Gh4Pq5Xs2Jy7Wd0';

let opened: SecretHome;
/** The rows as they were before the leaked value was replaced. */
let old: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  opened = await secretHome({ credential: true, answer: () => 'seen' });
  const { home } = opened;
  await home.ok(['secret', 'set', 'API_KEY'], { input: LEAKED });
  await home.ok(['secret', 'set', 'OTHER'], { input: OTHER });
  await opened.addTool('/v1/page');
  await home.ok(['stop']);
  old = withRows((rows) => rows);
  await home.ok(['secret', 'rotate', 'API_KEY'], { input: SECRET });
});

afterAll(() => opened[Symbol.asyncDispose]());

beforeEach(async () => {
  await opened.home.ok(['secret', 'rotate', 'API_KEY'], { input: SECRET });
  await opened.home.ok(['secret', 'rotate', 'OTHER'], { input: OTHER });
  await opened.home.ok(['stop']);
});

/** The sealed rows by name; what `work` returns is written back. */
function withRows(
  work: (rows: ReadonlyMap<string, Uint8Array>) => ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  const db = new DatabaseSync(join(opened.home.root, 'state.db'));
  try {
    const found = db.prepare('SELECT key, value FROM t_secret').all() as {
      key: string;
      value: Uint8Array;
    }[];
    const rows = work(new Map(found.map(({ key, value }) => [key, value])));
    const put = db.prepare('UPDATE t_secret SET value = ? WHERE key = ?');
    for (const [key, value] of rows) put.run(value, key);
    return rows;
  } finally {
    db.close();
  }
}

async function expectRefused(why: string): Promise<void> {
  const { home, arrived } = opened;
  const before = arrived.length;
  const call = await home.run(['--json', 'call', 'http-once']);
  expect(call.code).not.toBe(0);
  expect(arrived).toHaveLength(before);
  const doctor = await home.run(['doctor']);
  expect(doctor.stdout).toContain(why);
  for (const secret of [SECRET, OTHER, LEAKED]) {
    expect(call.stdout + call.stderr + doctor.stdout).not.toContain(secret);
  }
}

test('control: untouched, it is sent', async () => {
  expect((await opened.home.run(['call', 'http-once'])).code).toBe(0);
  expect(opened.arrived.at(-1)?.authorization).toBe(`Bearer ${SECRET}`);
});

test('two rows swapped', async () => {
  withRows((rows) => {
    const [one, two] = [rows.get('API_KEY'), rows.get('OTHER')];
    if (one === undefined || two === undefined) throw new Error('no rows');
    return new Map([
      ['API_KEY', two],
      ['OTHER', one],
    ]);
  });
  await expectRefused('was changed in the store');
});

test('one bit flipped', async () => {
  withRows((rows) => {
    const row = rows.get('API_KEY')?.slice() ?? new Uint8Array();
    row[row.length - 1] = (row.at(-1) ?? 0) ^ 1;
    return new Map([['API_KEY', row]]);
  });
  await expectRefused('was changed in the store');
});

test('the leaked value put back', async () => {
  withRows(() => new Map([['API_KEY', old.get('API_KEY') ?? new Uint8Array()]]));
  await expectRefused('is an older value than the one set last');
});

test('the key gone, then another in its place', async () => {
  const key = join(opened.home.root, 'keys', 'vault.key');
  renameSync(key, `${key}.away`);
  await expectRefused('is gone');
  await opened.home.ok(['stop']);
  writeFileSync(key, Buffer.alloc(32, 7), { mode: 0o600 });
  await expectRefused('sealed with another vault key');
  await opened.home.ok(['stop']);
  renameSync(`${key}.away`, key);
  expect((await opened.home.run(['call', 'http-once'])).code).toBe(0);
});
