import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { WarderError } from '../../../../src/base/errors/errors.ts';
import { openMemoryStore } from '../../../../src/base/store/memory/memory-store.ts';
import { openSqliteStore } from '../../../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../../src/base/store/store.ts';
import {
  type Approval,
  type ApprovalBinding,
  type ApprovalRequest,
  approvalTable,
  bindingKey,
  bindingOf,
} from '../../../../src/decide/approval/approval.ts';
import { ApprovalBook } from '../../../../src/decide/approval/approval-book.ts';
import { leaseRequestTable } from '../../../../src/trust/lease/lease-request.ts';
import { parseToolCall } from '../../../../src/decide/request/parse-tool-call.ts';
import { questionIn, reachIn } from '../../../support/approval.ts';
import { inputOf, installed, leaseOf, NOW } from '../../../support/decision.ts';

const MINUTE = 60_000;
/** What it takes where one person suffices. */
const ONE = { persons: 1, signals: [] };
const declared = { tables: [approvalTable, leaseRequestTable], sequences: [] };

function request(change: Partial<ApprovalRequest> = {}, args = { text: 'x' }): ApprovalRequest {
  return questionIn(inputOf(args, { agent: 'desk' }), change);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof WarderError) return thrown.code;
    throw thrown;
  }
  return 'nothing thrown';
}

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'warder-approval-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe.each([
  ['memory', (): Store => openMemoryStore(declared)],
  ['SQLite', (): Store => openSqliteStore({ ...declared, path: join(home, 'state.db') })],
])('over the %s store', (_, open) => {
  let store: Store;
  let book: ApprovalBook;
  let counter = 0;
  beforeEach(() => {
    store = open();
    book = new ApprovalBook(store, (bytes) => new Uint8Array(bytes).fill((counter += 1)));
  });
  afterEach(() => store.close());

  const ask = (asked = request(), now = NOW): Promise<Approval> =>
    store.commit((tx) => book.ask(tx, asked, now));
  const approve = (id: string, now = NOW): Promise<Approval> =>
    store.commit((tx) => book.approve(tx, 'default', id, { by: 'operator' }, now));
  const deny = (id: string, now = NOW, reason?: string): Promise<Approval> =>
    store.commit((tx) => book.deny(tx, 'default', id, 'operator', now, reason));
  const consume = (use: ApprovalBinding & { id: string }, now = NOW): Promise<Approval> =>
    store.commit((tx) => book.consume(tx, use, now));

  test('asked, approved, found, used', async () => {
    const asked = await ask();
    expect(asked).toMatchObject({ state: 'pending', expiresAt: NOW + 10 * MINUTE });
    expect(asked.id).toMatch(/^appr_[0-9A-Z]{26}$/);
    expect(book.findApproved(request(), ONE, NOW)).toBe(undefined);
    const approved = await approve(asked.id, NOW + MINUTE);
    expect(approved).toMatchObject({
      state: 'approved',
      yeses: [{ by: 'operator', at: NOW + MINUTE }],
      expiresAt: NOW + 11 * MINUTE,
    });
    const found = book.findApproved(request(), ONE, NOW + 2 * MINUTE);
    expect(found?.id).toBe(asked.id);
    const used = await consume({ ...request(), id: asked.id }, NOW + 2 * MINUTE);
    expect(used).toMatchObject({ state: 'consumed', consumedAt: NOW + 2 * MINUTE });
    expect(book.findApproved(request(), ONE, NOW + 2 * MINUTE)).toBe(undefined);
    expect(book.show('default', asked.id, NOW).state).toBe('consumed');
  });

  test('asking again for the same call returns the one that waits; another call gets another', async () => {
    const first = await ask();
    expect((await ask()).id).toBe(first.id);
    expect((await ask(request({}, { text: 'y' }))).id).not.toBe(first.id);
    expect((await ask(request({ holder: 'agent:other' }))).id).not.toBe(first.id);
    expect((await ask(request(), NOW + 10 * MINUTE)).id).not.toBe(first.id);
  });

  test('after one is used, the same call asks anew', async () => {
    const first = await ask();
    await approve(first.id);
    await consume({ ...request(), id: first.id });
    expect((await ask()).id).not.toBe(first.id);
  });

  test('of twelve attempts at once exactly one uses it', async () => {
    const { id } = await ask();
    await approve(id);
    const attempts = Array.from({ length: 12 }, () => codeOf(consume({ ...request(), id })));
    const codes = await Promise.all(attempts);
    expect(codes.filter((code) => code === 'nothing thrown')).toHaveLength(1);
    expect(codes.filter((code) => code === 'policy-denied')).toHaveLength(11);
  });

  test('of twelve decisions at once exactly one counts', async () => {
    const { id } = await ask();
    const attempts = Array.from({ length: 12 }, (_, at) =>
      codeOf(at % 2 === 0 ? deny(id) : approve(id)),
    );
    const codes = await Promise.all(attempts);
    expect(codes.filter((code) => code === 'nothing thrown')).toHaveLength(1);
    expect(codes.filter((code) => code === 'conflict')).toHaveLength(11);
    expect(book.show('default', id, NOW).state).toBe('denied');
  });

  test('a use that is rolled back leaves it usable', async () => {
    const { id } = await ask();
    await approve(id);
    const failed = store.commit((tx) => {
      book.consume(tx, { ...request(), id }, NOW);
      throw new WarderError('limit-reached', 'no budget');
    });
    expect(await codeOf(failed)).toBe('limit-reached');
    expect(await codeOf(consume({ ...request(), id }))).toBe('nothing thrown');
  });

  test.each<[string, Partial<ApprovalBinding>]>([
    ['principal', { principal: 'bob' }],
    ['tool', { tool: 'other' }],
    ['arguments', { digest: 'f'.repeat(64) }],
    ['package', { installation: { id: 'inst_01', digest: 'e'.repeat(64) } }],
    ['installation', { installation: { id: 'inst_02', digest: 'd'.repeat(64) } }],
    ['grant', { grant: '0' }],
    ['agent', { holder: 'agent:other' }],
  ])('buys nothing for another %s', async (_, other) => {
    const { id } = await ask();
    await approve(id);
    const use = { ...request(), ...other };
    expect(book.findApproved(use, ONE, NOW)).toBe(undefined);
    expect(await codeOf(consume({ ...use, id }))).toBe('policy-denied');
    expect(await codeOf(consume({ ...request(), id }))).toBe('nothing thrown');
  });

  test('buys nothing for another tenant', async () => {
    const { id } = await ask();
    await approve(id);
    const use = { ...request(), tenant: 'other' };
    expect(book.findApproved(use, ONE, NOW)).toBe(undefined);
    expect(await codeOf(consume({ ...use, id }))).toBe('policy-denied');
    const elsewhere = store.commit((tx) => book.approve(tx, 'other', id, { by: 'operator' }, NOW));
    expect(await codeOf(elsewhere)).toBe('not-found');
  });

  test('is void when its time runs out, pending and approved', async () => {
    const { id } = await ask();
    const late = NOW + 10 * MINUTE;
    expect(book.show('default', id, late).state).toBe('expired');
    expect(book.list('default', late, { state: 'pending' })).toEqual([]);
    expect(book.list('default', late, { state: 'expired' })).toHaveLength(1);
    expect(await codeOf(approve(id, late))).toBe('conflict');
    await approve(id, late - 1);
    const later = late - 1 + 10 * MINUTE;
    expect(book.findApproved(request(), ONE, later)).toBe(undefined);
    expect(await codeOf(consume({ ...request(), id }, later))).toBe('policy-denied');
  });

  test('a pending, denied or unknown one cannot be used', async () => {
    const { id } = await ask();
    expect(await codeOf(consume({ ...request(), id }))).toBe('policy-denied');
    await deny(id, NOW, 'not today');
    expect(await codeOf(consume({ ...request(), id }))).toBe('policy-denied');
    expect(await codeOf(consume({ ...request(), id: 'appr_none' }))).toBe('policy-denied');
  });

  test('a no holds against asking again, with its reason, until it expires', async () => {
    const { id } = await ask();
    await deny(id, NOW, 'not today');
    await expect(ask()).rejects.toThrow('an operator denied this call: not today');
    expect((await ask(request(), NOW + 10 * MINUTE)).id).not.toBe(id);
  });

  test('pending ones are capped per principal; expired ones make room', async () => {
    const many = Array.from({ length: 16 }, (_, at) => ask(request({}, { text: String(at) })));
    await Promise.all(many);
    expect(await codeOf(ask(request({}, { text: 'one more' })))).toBe('limit-reached');
    expect((await ask(request({}, { text: '3' }))).state).toBe('pending');
    expect((await ask(request({ principal: 'bob' }, { text: 'z' }))).state).toBe('pending');
    const later = NOW + 10 * MINUTE;
    expect((await ask(request({}, { text: 'one more' }), later)).state).toBe('pending');
  });

  test.each<[string, Partial<Approval>]>([
    ['arguments', { arguments: { text: 'rm -rf' } }],
    ['reason', { reason: 'harmless' }],
    ['reach', { reach: { ...reachIn(inputOf({})), kv: true } }],
    ['number of persons', { persons: 0 }],
    ['time', { expiresAt: NOW + 600 * MINUTE }],
    ['risks', { signals: [{ name: 'none', note: 'nothing to see' }] }],
    ['task', { task: 'harmless' }],
    ['answers', { yeses: [{ by: 'mallory', at: NOW }] }],
    ['principal', { principal: 'mallory' }],
    ['grant', { grant: 'ff' }],
  ])('one whose %s were edited in the store is neither approved nor used', async (_, edit) => {
    const edited = async (id: string): Promise<Approval> => {
      await store.commit((tx) => {
        const kept = tx.get(approvalTable, 'default', id);
        if (kept === undefined) throw new Error('gone');
        tx.put(approvalTable, 'default', id, { ...kept, ...edit });
      });
      return book.show('default', id, NOW);
    };
    const pending = await ask();
    await edited(pending.id);
    expect(await codeOf(approve(pending.id))).toBe('verification-failed');
    const approved = await ask(request({}, { text: 'second' }));
    await approve(approved.id);
    const now = await edited(approved.id);
    expect(book.findApproved(now, ONE, NOW)).toBe(undefined);
    expect(await codeOf(consume({ ...now, id: approved.id }))).toBe('verification-failed');
  });

  test('cannot be asked for with other arguments than the digest’s', async () => {
    const lying = { ...request(), arguments: { text: 'harmless' } };
    expect(await codeOf(ask(lying))).toBe('internal');
  });

  test('says whose tenant one is of, by its whole id only', async () => {
    const { id } = await ask();
    expect(book.tenantOf(id)).toBe('default');
    expect(book.tenantOf(id.slice(0, -1))).toBe(undefined);
    expect(book.tenantOf('')).toBe(undefined);
  });

  test('lists newest first, by state', async () => {
    const first = await ask();
    const second = await ask(request({}, { text: 'y' }), NOW + 1);
    await approve(first.id, NOW + 2);
    const ids = (list: readonly Approval[]): string[] => list.map(({ id }) => id);
    expect(ids(book.list('default', NOW + 2))).toEqual([second.id, first.id]);
    expect(ids(book.list(undefined, NOW + 2, { state: 'approved' }))).toEqual([first.id]);
    expect(ids(book.list('other', NOW + 2))).toEqual([]);
  });
});

describe('the binding', () => {
  const about = {
    tenant: 'default',
    principal: 'alice',
    agent: 'desk',
    call: parseToolCall('text_echo', '{}'),
    installation: installed(),
    reach: reachIn(inputOf({})),
  };

  test('of a connection-bound lease is the agent’s socket, so that the next connection resumes', () => {
    const one = bindingOf({ ...about, lease: leaseOf() });
    const next = bindingOf({ ...about, lease: { ...leaseOf(), stateKey: 'b'.repeat(64) } });
    expect(one.holder).toBe('agent:desk');
    expect(bindingKey(next)).toBe(bindingKey(one));
    const other = bindingOf({ ...about, agent: 'other', lease: leaseOf() });
    expect(bindingKey(other)).not.toBe(bindingKey(one));
  });

  test('of a lease that outlives its connection is its state key', () => {
    const bearer = bindingOf({ ...about, lease: leaseOf(undefined, {}, 'bearer') });
    expect(bearer.holder).toBe(`lease:${'a'.repeat(64)}`);
  });

  test('changes with the grant', () => {
    const lease = leaseOf();
    const wider = { ...about, installation: installed({ kv: true }), lease };
    expect(bindingKey(bindingOf(wider))).not.toBe(bindingKey(bindingOf({ ...about, lease })));
  });
});
