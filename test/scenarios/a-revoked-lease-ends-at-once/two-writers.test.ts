// Revocations by several processes over one store: all are kept, none is undone by who knew less.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/base/store/store.ts';
import { sequences, tables } from '../../../src/front/daemon/tables.ts';
import { openLeaseBook } from '../../../src/trust/lease/lease-book.ts';
import type { CheckedLease } from '../../../src/trust/lease/lease.ts';
import { verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { issueRoot, now } from '../../unit/lease/chains.ts';
import { openOffice, origin, type TestOffice } from '../../unit/lease/office.ts';

const child = new URL('../../fixtures/keys/revoke-one.ts', import.meta.url).pathname;

interface Shared {
  readonly path: string;
  readonly office: TestOffice;
  open(): Store;
}

async function shared(): Promise<Shared> {
  const directory = mkdtempSync(join(tmpdir(), 'warder-revoke-'));
  const stores: Store[] = [];
  const path = join(directory, 'state.db');
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const open = (): Store => {
    const store = openSqliteStore({ path, tables, sequences });
    stores.push(store);
    return store;
  };
  return { path, open, office: await openOffice(open()) };
}

async function issue(office: TestOffice): Promise<CheckedLease> {
  const text = await issueRoot(office, { cnf: { conn: 'c-1' } });
  const verified = await verifyLease(text, office.keys, { now, audience: origin });
  return office.book.check(verified, { connection: 'c-1' }, now);
}

function revokeElsewhere(path: string, stateKey: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const args = ['--no-warnings', child, path, stateKey, String(now)];
    const running = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    running.on('error', reject);
    running.on('close', (code) => resolve(code));
  });
}

test('sixteen at once, half of them through a second handle', async () => {
  const { office, open } = await shared();
  const leases: CheckedLease[] = [];
  for (let n = 0; n < 16; n += 1) leases.push(await issue(office));
  const other = { store: open() };
  const second = openLeaseBook(other.store);
  const done = await Promise.allSettled(
    leases.map(({ stateKey }, n) =>
      n % 2 === 0
        ? office.store.commit((tx) => office.book.revoke(tx, 'default', stateKey, 'x', now))
        : other.store.commit((tx) => second.revoke(tx, 'default', stateKey, 'x', now)),
    ),
  );
  expect(done.map(({ status }) => status)).toEqual(Array(16).fill('fulfilled'));
  // Each sees what the other did, and so does who comes later.
  for (const book of [office.book, second, openLeaseBook(open())]) {
    for (const lease of leases) {
      expect(book.isLive(lease, now)).toBe(false);
      expect(book.find('default', lease.stateKey, now)?.state).toBe('revoked');
    }
  }
});

test('by four processes, while this one goes on and ends; none is undone', async () => {
  const { office, path, open } = await shared();
  const leases: CheckedLease[] = [];
  for (let n = 0; n < 5; n += 1) leases.push(await issue(office));
  const [kept, ...revoked] = leases;
  if (kept === undefined) throw new Error('five were issued');
  const codes = Promise.all(revoked.map(({ stateKey }) => revokeElsewhere(path, stateKey)));
  for (let n = 0; n < 20; n += 1) {
    await office.store.commit((tx) => office.book.spend(tx, kept, now));
  }
  expect(await codes).toEqual([0, 0, 0, 0]);
  for (const lease of revoked) {
    expect(office.book.isLive(lease, now)).toBe(false);
    await expect(
      office.store.commit((tx) => office.book.spend(tx, lease, now)),
    ).rejects.toMatchObject({ code: 'lease-refused' });
    // What was revoked elsewhere is given back here, by somebody who did not know.
    await office.store.commit((tx) => office.book.release(tx, lease, now));
  }
  await office.store.close();
  const later = openLeaseBook(open());
  for (const { stateKey } of revoked) {
    expect(later.find('default', stateKey, now)?.state).toBe('revoked');
  }
  expect(later.find('default', kept.stateKey, now)).toMatchObject({ state: 'active', uses: 20 });
}, 60_000);

test.each([
  '',
  '{',
  'null',
  '{}',
  '[]',
  '"active"',
  '{"state":"active"}',
  '{"state":"active","claims":{}}',
])('a row cut short to `%s` lets nobody in', async (garbage) => {
  const { office, path, open } = await shared();
  const text = await issueRoot(office, { cnf: { conn: 'c-1' } });
  await office.store.close();
  const db = new DatabaseSync(path);
  db.prepare('UPDATE "t_lease" SET value = ?').run(garbage);
  db.close();
  // Either the book does not open at all, or it takes neither.
  let book: ReturnType<typeof openLeaseBook>;
  try {
    book = openLeaseBook(open());
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return;
  }
  const verified = await verifyLease(text, office.keys, { now, audience: origin });
  expect(() => book.check(verified, { connection: 'c-1' }, now)).toThrow();
});
