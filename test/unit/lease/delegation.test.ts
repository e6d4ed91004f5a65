// Chains made offline by holders: verified with the root's public key alone, and only ever narrower.

import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openLeaseBook } from '../../../src/trust/lease/lease-book.ts';
import { DESCENDANTS_MAX } from '../../../src/trust/lease/lease-account.ts';
import { prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { makeCheckedLease } from '../../../src/trust/lease/checked.ts';
import type { CheckedLease } from '../../../src/trust/lease/lease.ts';
import type { LeaseAmounts } from '../../../src/trust/lease/lease-account.ts';
import { stateKey } from '../../../src/trust/lease/state-key.ts';
import {
  childClaims,
  claimsOf,
  delegate,
  forge,
  issueRoot,
  now,
  openHolder,
  rootTerms,
  type TestHolder,
  verifyIn,
} from './chains.ts';
import { openOffice, type TestOffice } from './office.ts';

const refused = { code: 'lease-refused' };
let a: TestHolder;
let b: TestHolder;
let c: TestHolder;
let office: TestOffice;

beforeAll(async () => {
  a = await openHolder();
  b = await openHolder('EdDSA');
  c = await openHolder();
});
beforeEach(async () => {
  office = await openOffice();
});

const cnf = () => ({ cnf: { jwk: a.jwk } });

/** As the daemon would have it after the proof of possession. */
async function checked(text: string): Promise<CheckedLease> {
  const { chain } = await verifyIn(office, text);
  return makeCheckedLease(chain, 'dpop');
}
const spend = (lease: CheckedLease, most: LeaseAmounts = {}, call?: string, at = now) =>
  office.store.commit((tx) => office.book.spend(tx, lease, at, most, call));

describe('a chain', () => {
  it('of four, keys of both kinds, verifies with the public key of the root alone', async () => {
    let text = await issueRoot(office, cnf());
    for (const [from, to] of [
      [a, b],
      [b, c],
      [c, b],
      [b, a],
    ] as const) {
      text = await delegate(text, from, to, {
        authorization_details: [{ type: 'fs.read', paths: ['/data/x/**'] }],
      });
    }
    const verified = await verifyIn(office, text);
    expect(verified.chain).toHaveLength(5);
    expect(verified.claims).toEqual(claimsOf(text));
    expect(verified.needsOnline).toEqual(['spend']);
    let parent: string | undefined;
    for (const link of verified.chain) {
      parent = stateKey(link.claims.jti, parent);
      expect(link.stateKey).toBe(parent);
    }
  });

  it('can be made by the issuer too, whose signer looks at the parent', async () => {
    const parent = await verifyIn(office, await issueRoot(office, { ...cnf(), maxUses: 5 }));
    const capabilities = [{ type: 'fs.read', paths: ['/data/a'] }] as const;
    const terms = { ...rootTerms, capabilities, parent, maxUses: 2, cnf: { conn: 'c-7' } };
    const prepared = prepareLease(terms, office.signer.key, now, new Uint8Array(16).fill(3));
    await office.store.commit((tx) => office.book.record(tx, prepared, 'default'));
    const text = await signLease(prepared, office.signer);
    const verified = await verifyIn(office, text);
    expect(verified.claims.del_depth).toBe(1);
    expect(office.book.check(verified, { connection: 'c-7' }, now).chain).toHaveLength(2);
    const { parentText: _, ...orphan } = prepared;
    await expect(signLease(orphan, office.signer)).rejects.toMatchObject({ code: 'not-trusted' });
    expect(() =>
      prepareLease({ ...terms, maxUses: 6 }, office.signer.key, now, new Uint8Array(16)),
    ).toThrow(expect.objectContaining(refused));
  });

  const wider: readonly [string, Record<string, unknown>][] = [
    ['a longer life', { exp: now / 1000 + 3601 }],
    ['an earlier begin', { nbf: now / 1000 - 10, iat: now / 1000 - 10 }],
    ['another principal', { sub: 'agent:admin' }],
    ['another tenant', { tenant: 'other' }],
    ['another audience', { aud: 'warder.invalid/log/ffffffffffffffff' }],
    ['a task the parent has not', { task: 'payroll' }],
    ['more uses', { max_uses: 11 }],
    ['uses without end', { max_uses: undefined }],
    ['more bytes', { max_bytes: 1001 }],
    ['bytes without end', { max_bytes: undefined }],
    ['a faster rate', { rate: { uses: 6, seconds: 60 } }],
    ['the same rate in less time', { rate: { uses: 5, seconds: 59 } }],
    ['no rate', { rate: undefined }],
    ['a later hard end', { max_exp: now / 1000 + 7201 }],
    ['no hard end', { max_exp: undefined }],
    ['more money', { authorization_details: [{ type: 'spend', currency: 'EUR', amount: 1001 }] }],
    ['other money', { authorization_details: [{ type: 'spend', currency: 'USD', amount: 1 }] }],
    ['other files', { authorization_details: [{ type: 'fs.read', paths: ['/etc/**'] }] }],
    ['writes for reads', { authorization_details: [{ type: 'fs.write', paths: ['/data/x'] }] }],
    ['a sibling by prefix', { authorization_details: [{ type: 'fs.read', paths: ['/data**'] }] }],
    ['secrets', { authorization_details: [{ type: 'credential', names: ['x'] }] }],
    ['deeper children', { del_max: 4 }],
    ['a depth left out', { del_depth: 2 }],
    ['no holder', { cnf: undefined }],
  ];
  it.each(wider)('with %s is refused', async (_, change) => {
    const parent = await issueRoot(office, {
      ...cnf(),
      maxUses: 10,
      maxBytes: 1000,
      rate: { uses: 5, seconds: 60 },
      maxExp: now / 1000 + 7200,
      delMax: 3,
    });
    await expect(verifyIn(office, await delegate(parent, a, b))).resolves.toBeDefined();
    await expect(verifyIn(office, await delegate(parent, a, b, change))).rejects.toMatchObject(
      refused,
    );
  });

  it('ends where the parent says: not delegatable, or deep enough', async () => {
    const never = await issueRoot(office, { ...cnf(), delegatable: false });
    await expect(verifyIn(office, await delegate(never, a, b))).rejects.toMatchObject(refused);
    const leaf = await issueRoot(office, { ...cnf(), delMax: 0 });
    const forced = childClaims(leaf, a, b, { del_max: 1 });
    await expect(verifyIn(office, await forge(leaf, a, forced))).rejects.toMatchObject(refused);
    let text = await issueRoot(office, cnf());
    for (const [from, to] of [
      [a, b],
      [b, a],
      [a, b],
      [b, a],
    ] as const) {
      text = await delegate(text, from, to);
    }
    const fifth = await delegate(text, a, b, { del_depth: 4 });
    await expect(verifyIn(office, fifth)).rejects.toMatchObject({ code: 'malformed' });
  });

  it('is signed by whom the parent is bound to, and by nobody else', async () => {
    const parent = await issueRoot(office, cnf());
    const claims = childClaims(parent, a, c);
    const by = (holder: TestHolder, more: object = {}, header: object = {}) =>
      forge(parent, holder, { ...claims, ...more }, header).then((text) => verifyIn(office, text));
    await expect(by(a)).resolves.toBeDefined();
    await expect(by(b)).rejects.toMatchObject({ code: 'not-trusted' });
    // b names a's key, and the issuer's.
    await expect(by(b, {}, { kid: a.jkt, alg: 'ES256' })).rejects.toMatchObject({
      code: 'verification-failed',
    });
    const kid = office.signer.key.kid;
    await expect(by(c, { iss: claims['aud'] }, { kid })).rejects.toMatchObject({
      code: 'verification-failed',
    });
    await expect(by(a, { iss: claims['aud'] })).rejects.toMatchObject(refused);
    await expect(by(a, {}, { alg: 'EdDSA' })).rejects.toMatchObject({ code: 'not-trusted' });
    // Bound to a thumbprint or a connection, nobody can sign for it offline.
    for (const binding of [{ jkt: a.jkt }, { conn: 'c-1' }]) {
      const bound = await issueRoot(office, { cnf: binding });
      const child = await delegate(bound, a, b);
      await expect(verifyIn(office, child)).rejects.toMatchObject({ code: 'not-trusted' });
    }
  });

  it('cannot be cut, mixed or put in another order', async () => {
    const one = await delegate(await issueRoot(office, cnf()), a, b);
    const other = await issueRoot(office, cnf());
    const [root = '', child = ''] = one.split('~');
    const fails = (text: string, code: string) =>
      expect(verifyIn(office, text)).rejects.toMatchObject({ code });
    await fails(child, 'not-trusted');
    await fails(`${other}~${child}`, 'verification-failed');
    await fails(`${child}~${root}`, 'not-trusted');
    await fails(`${root}~${root}`, 'verification-failed');
    await fails(`${root}~`, 'malformed');
    await fails(`~${root}`, 'malformed');
    await fails(`${one}~${child}`, 'not-trusted');
    await fails(Array.from({ length: 200_000 }, () => '~').join(''), 'malformed');
  });
});

describe('the state of a chain', () => {
  it('counts every use of a child against each of its ancestors', async () => {
    const root = await issueRoot(office, { ...cnf(), maxUses: 3 });
    const first = await checked(await delegate(root, a, b, { max_uses: 2 }));
    const second = await checked(await delegate(root, a, c, { max_uses: 2 }));
    const results = await Promise.allSettled(
      [first, second, first, second, first, second].map((lease) => spend(lease)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    const usesOf = (key: string) => office.book.find('default', key, now)?.uses;
    expect(usesOf(first.chain[0]?.stateKey ?? '')).toBe(3);
    expect((usesOf(first.stateKey) ?? 0) + (usesOf(second.stateKey) ?? 0)).toBe(3);
    await expect(spend(await checked(root))).rejects.toMatchObject(refused);
  });

  it('gives fifty children of a cap no more than the cap', async () => {
    const root = await issueRoot(office, cnf());
    const children = await Promise.all(
      Array.from({ length: 50 }, async () => checked(await delegate(root, a, b))),
    );
    const most = { spend: { EUR: 100 } };
    const results = await Promise.allSettled(children.map((lease) => spend(lease, most)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    const key = children[0]?.chain[0]?.stateKey ?? '';
    expect(office.book.find('default', key, now)?.spent).toEqual({ EUR: 1000 });
  });

  it.each([-100, Number.NaN, 1.5, Infinity, '5' as unknown as number, 2 ** 53])(
    'takes no %s of anything',
    async (amount) => {
      const lease = await checked(await issueRoot(office, { ...cnf(), maxBytes: 10 }));
      await expect(spend(lease, { spend: { EUR: amount } })).rejects.toThrow();
      await expect(spend(lease, { bytes: amount })).rejects.toThrow();
      await expect(spend(lease, { spend: { USD: 1 } })).rejects.toMatchObject(refused);
      expect(office.book.find('default', lease.stateKey, now)?.uses).toBe(0);
    },
  );

  it('holds what a call may take and settles what it took, up the chain', async () => {
    const root = await issueRoot(office, { ...cnf(), maxBytes: 100 });
    const lease = await checked(await delegate(root, a, b));
    const rootKey = lease.chain[0]?.stateKey ?? '';
    await spend(lease, { bytes: 80, spend: { EUR: 900 } }, 'call_1');
    await expect(spend(lease, { bytes: 30 }, 'call_2')).rejects.toMatchObject(refused);
    const settle = (bytes: number, EUR: number) =>
      office.store.commit((tx) =>
        office.book.settle(tx, lease, 'call_1', { bytes, spend: { EUR } }),
      );
    await settle(10, 300);
    await settle(0, 0);
    expect(office.book.find('default', rootKey, now)).toMatchObject({
      bytes: 10,
      spent: { EUR: 300 },
    });
    await spend(lease, { bytes: 90, spend: { EUR: 700 } }, 'call_3');
    await expect(spend(lease, { spend: { EUR: 1 } }, 'call_4')).rejects.toMatchObject(refused);
    // Nobody settles call_3: the daemon died. It keeps all.
    expect(openLeaseBook(office.store).find('default', rootKey, now)?.bytes).toBe(100);
  });

  it('keeps a rate in every window, across restarts', async () => {
    const lease = await checked(
      await issueRoot(office, { ...cnf(), rate: { uses: 4, seconds: 60 } }),
    );
    const times: number[] = [];
    for (let at = now; at < now + 400_000; at += 3000) {
      const book = openLeaseBook(office.store);
      const done = office.store.commit((tx) => book.spend(tx, lease, at));
      if (
        await done.then(
          () => true,
          () => false,
        )
      )
        times.push(at);
      else await expect(done).rejects.toMatchObject({ code: 'limit-reached' });
    }
    for (const start of times) {
      expect(times.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(
        4,
      );
    }
    expect(times.length).toBeGreaterThan(20);
  });

  it('pins a child by content at first use: its holder cannot write it anew', async () => {
    const root = await issueRoot(office, cnf());
    const jti = 'A'.repeat(22);
    const narrow = [{ type: 'tool.call', tools: ['a'] }];
    const first = await delegate(root, a, b, { jti, authorization_details: narrow });
    const second = await delegate(root, a, b, { jti });
    const lease = await checked(first);
    await spend(lease);
    await expect(spend(await checked(second))).rejects.toMatchObject(refused);
    // Under another parent the same id is another lease.
    const elsewhere = await delegate(await issueRoot(office, cnf()), a, b, { jti });
    await spend(await checked(elsewhere));
    expect(office.book.find('default', lease.stateKey, now)?.uses).toBe(1);
  });

  it(`lets at most ${DESCENDANTS_MAX} be made from one`, async () => {
    const root = await verifyIn(office, await issueRoot(office, cnf()));
    const [link] = root.chain;
    const child = (n: number): CheckedLease =>
      makeCheckedLease(
        [link, { ...link, stateKey: String(n).padStart(64, '0'), digest: String(n) }],
        'dpop',
      );
    const many = Array.from({ length: DESCENDANTS_MAX }, (_, n) => spend(child(n)));
    await Promise.all(many);
    await expect(spend(child(DESCENDANTS_MAX))).rejects.toMatchObject(refused);
    await spend(child(0));
  });
});

describe('the end of a chain', () => {
  it('comes with the end of any of its leases, for running calls too, and after a restart', async () => {
    const root = await issueRoot(office, cnf());
    const middle = await delegate(root, a, b);
    const leaf = await checked(await delegate(middle, b, c));
    const sibling = await checked(await delegate(root, a, c));
    await spend(leaf);
    await spend(sibling);
    expect(office.book.isLive(leaf, now)).toBe(true);
    const middleKey = leaf.chain[1]?.stateKey ?? '';
    await office.store.commit((tx) => office.book.revoke(tx, 'default', middleKey, 'why', now));
    for (const book of [office.book, openLeaseBook(office.store)]) {
      expect(book.isLive(leaf, now)).toBe(false);
      expect(book.isLive(sibling, now)).toBe(true);
      await expect(office.store.commit((tx) => book.spend(tx, leaf, now))).rejects.toMatchObject(
        refused,
      );
      expect(book.find('default', leaf.stateKey, now)).toMatchObject({
        state: 'revoked',
        reason: 'why',
      });
    }
  });

  it('is seen in a book that another process opened before', async () => {
    const lease = await checked(await issueRoot(office, cnf()));
    const other = openLeaseBook(office.store);
    expect(other.isLive(lease, now)).toBe(true);
    await office.store.commit((tx) => office.book.revoke(tx, 'default', lease.stateKey, 'x', now));
    expect(other.isLive(lease, now)).toBe(false);
    await expect(office.store.commit((tx) => other.spend(tx, lease, now))).rejects.toMatchObject(
      refused,
    );
  });

  it('by holder takes a key out of use, also in leases nobody has seen yet', async () => {
    const root = await issueRoot(office, cnf());
    const known = await checked(await delegate(root, a, b));
    await spend(known);
    const unseen = await checked(await delegate(await delegate(root, a, b), b, c));
    const spared = await checked(await delegate(root, a, c));
    const ended = await office.store.commit((tx) =>
      office.book.revokeHolder(tx, 'default', b.jkt, 'lost', now),
    );
    expect(ended).toEqual([known.stateKey]);
    for (const book of [office.book, openLeaseBook(office.store)]) {
      expect(book.isLive(known, now)).toBe(false);
      await expect(office.store.commit((tx) => book.spend(tx, unseen, now))).rejects.toMatchObject(
        refused,
      );
    }
    await spend(spared);
    expect(office.book.ended('default', now)).toEqual({
      leases: [known.stateKey],
      holders: [b.jkt],
      keys: [],
    });
  });

  it('by principal ends all of its leases and no other’s', async () => {
    const mine = await checked(await issueRoot(office, cnf()));
    const child = await checked(await delegate(await issueRoot(office, cnf()), a, b));
    await spend(child);
    const others = await checked(await issueRoot(office, { ...cnf(), principal: 'agent:other' }));
    await office.store.commit((tx) =>
      office.book.revokeSubject(tx, 'default', 'agent:default', 'left', now),
    );
    expect([mine, child, others].map((lease) => office.book.isLive(lease, now))).toEqual([
      false,
      false,
      true,
    ]);
  });
});
