// The life of a request for a lease.

import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import type { Tx } from '../../../src/base/store/store.ts';
import { type LeaseTerms, prepareLease } from '../../../src/trust/lease/issue-lease.ts';
import { leaseTable } from '../../../src/trust/lease/lease-book.ts';
import {
  type AskedLease,
  judgeRequest,
  type LeaseCeiling,
  type LeaseRequest,
  leaseRequestTable,
} from '../../../src/trust/lease/lease-request.ts';
import { proofReplayTable } from '../../../src/trust/lease/proof-replay.ts';
import { RequestBook } from '../../../src/trust/lease/request-book.ts';
import { now } from './chains.ts';
import { metaTable, openOffice, origin, type TestOffice } from './office.ts';

const read = (...paths: string[]) => [{ type: 'fs.read', paths }] as const;
const asked = {
  tenant: 'default',
  agent: 'default',
  principal: 'agent:default',
  cnf: { conn: 'c-1' },
  task: 'task-1',
  capabilities: read('/data/x'),
  ttlSeconds: 600,
  reason: 'to read x',
} satisfies AskedLease;
let office: TestOffice;
let book: RequestBook;
beforeEach(async () => {
  const tables = [leaseTable, leaseRequestTable, metaTable, proofReplayTable];
  office = await openOffice(openMemoryStore({ tables, sequences: [] }));
  book = new RequestBook(office.store, office.book, (length) => randomBytes(length));
});
const commit = <T>(work: (tx: Tx) => T): Promise<T> => office.store.commit(work);
const ask = (change: Partial<AskedLease> = {}, at = now): Promise<LeaseRequest> =>
  commit((tx) => book.ask(tx, { ...asked, ...change }, { persons: 1, rules: [] }, at));
const prepared = (change: Partial<LeaseTerms> = {}) =>
  prepareLease({ ...asked, origin, ...change }, office.signer.key, now, randomBytes(16));
const grant = ({ id, digest }: LeaseRequest, change: Partial<LeaseTerms> = {}, at = now) =>
  commit((tx) =>
    book.grant(tx, 'default', id, { seen: digest, by: 'operator', prepared: prepared(change) }, at),
  );
const stateOf = (id: string, at = now) => book.status('default', id, at).state;

describe('a preview', () => {
  const ceiling: LeaseCeiling = {
    free: { capabilities: read('/data/**'), ttlSeconds: 600 },
    most: { capabilities: read('/**'), ttlSeconds: 3600 },
  };
  it.each<[string, readonly string[], number, string]>([
    ['free', ['/data/x'], 600, 'auto_approve'],
    ['longer', ['/data/x'], 601, 'route_to_approver'],
    ['wider', ['/data/x', '/etc/x'], 60, 'route_to_approver'],
    ['a path that climbs is none', ['/data/**'], 3601, 'hard_deny'],
    ['no time', ['/data/x'], 0, 'hard_deny'],
    ['no number', ['/data/x'], Number.NaN, 'hard_deny'],
    ['for ever', ['/data/x'], Infinity, 'hard_deny'],
  ])('%s', (_, paths, ttlSeconds, verdict) => {
    expect(judgeRequest({ capabilities: read(...paths), ttlSeconds }, ceiling).verdict).toBe(
      verdict,
    );
  });
  it('beyond the ceiling is a no, whatever milder rule it misses', () => {
    const wider = { capabilities: [{ type: 'credential', names: ['x'] }] as const, ttlSeconds: 1 };
    expect(judgeRequest(wider, ceiling)).toMatchObject({ verdict: 'hard_deny' });
  });
});

describe('a request', () => {
  it('waits, is granted once, and is then what its lease is', async () => {
    const request = await ask();
    expect(stateOf(request.id)).toBe('pending');
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => grant(request)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(office.book.list('default', now)).toHaveLength(1);
    expect(stateOf(request.id)).toBe('active');
    expect(stateOf(request.id, now + 600_000)).toBe('expired');
    const key = book.status('default', request.id, now).lease ?? '';
    await commit((tx) => office.book.revoke(tx, 'default', key, 'why', now));
    expect(stateOf(request.id)).toBe('revoked');
    expect(book.list('default', now)).toHaveLength(1);
  });

  it('is denied with a reason, and stays so', async () => {
    const request = await ask();
    const decision = { seen: request.digest, by: 'operator', reason: 'not today' };
    await commit((tx) => book.deny(tx, 'default', request.id, decision, now));
    expect(book.status('default', request.id, now)).toMatchObject({
      state: 'denied',
      denial: 'not today',
    });
    await expect(grant(request)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('expires while nobody decides', async () => {
    const request = await ask();
    expect(stateOf(request.id, now + 600_000)).toBe('expired');
    await expect(grant(request, {}, now + 600_000)).rejects.toMatchObject({ code: 'conflict' });
  });

  it.each<[string, Partial<LeaseTerms>]>([
    ['more', { capabilities: read('/data/**') }],
    ['longer', { ttlSeconds: 601 }],
    ['to another', { principal: 'agent:other' }],
    ['for another task', { task: 'task-2' }],
    ['to another connection', { cnf: { conn: 'c-2' } }],
  ])('is not granted %s than was asked', async (_, change) => {
    const request = await ask();
    await expect(grant(request, change)).rejects.toMatchObject({ code: 'lease-refused' });
    expect(stateOf(request.id)).toBe('pending');
    expect(office.book.list('default', now)).toHaveLength(0);
  });

  it('is granted narrower', async () => {
    const request = await ask({ capabilities: read('/data/**') });
    await grant(request, { capabilities: read('/data/x'), ttlSeconds: 60 });
    expect(stateOf(request.id)).toBe('active');
  });

  it('that was edited in the store after it was shown is granted to nobody', async () => {
    const request = await ask();
    const edited = { ...request, capabilities: read('/**') };
    await commit((tx) => tx.put(leaseRequestTable, 'default', request.id, edited));
    await expect(grant(request)).rejects.toMatchObject({ code: 'verification-failed' });
  });

  it('of another tenant is not there', async () => {
    const { id } = await ask();
    expect(() => book.status('other', id, now)).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });

  it.each<[string, Partial<Record<keyof AskedLease, unknown>>]>([
    ['for ever', { ttlSeconds: Infinity }],
    ['for less than nothing', { ttlSeconds: -1 }],
    ['for no number', { ttlSeconds: Number.NaN }],
    ['for everything by saying nothing', { capabilities: [{ type: 'fs.read', paths: [] }] }],
    ['without a task', { task: '' }],
    ['with text that turns round', { reason: 'a\u202eb' }],
    ['with 10 MB of reason', { reason: 'a'.repeat(10_000_000) }],
  ])('%s is malformed', async (_, change) => {
    await expect(ask(change as Partial<AskedLease>)).rejects.toMatchObject({ code: 'malformed' });
  });

  it('is one of at most sixteen that wait', async () => {
    for (let made = 0; made < 16; made += 1) await ask();
    await expect(ask()).rejects.toMatchObject({ code: 'limit-reached' });
    await ask({ principal: 'agent:other' });
    await ask({}, now + 600_000);
  });

  it('wakes whoever waits for it', async () => {
    const request = await ask();
    const stop = new AbortController();
    let woken = 0;
    const count = (): void => void (woken += 1);
    const waits = [
      book.settled('default', request.id, now, stop.signal).then(count),
      book.settled('default', request.id, now, stop.signal).then(count),
    ];
    await new Promise(setImmediate);
    expect(woken).toBe(0);
    await grant(request);
    book.decided(request.id);
    await Promise.all(waits);
    await book.settled('default', request.id, now, stop.signal);
    const other = await ask();
    const given = book.settled('default', other.id, now, stop.signal);
    stop.abort();
    await given;
    expect(woken).toBe(2);
  });
});
