import { beforeEach, describe, expect, it } from 'vitest';
import type { Tx } from '../../../src/base/store/store.ts';
import { assertCheckedLease, makeCheckedLease } from '../../../src/trust/lease/checked.ts';
import { type LeaseTerms, prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { leaseTable, openLeaseBook, type Presented } from '../../../src/trust/lease/lease-book.ts';
import type { CheckedLease } from '../../../src/trust/lease/lease.ts';
import { stateKey } from '../../../src/trust/lease/state-key.ts';
import { type VerifiedLease, verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { openOffice, origin, type TestOffice } from './office.ts';

const now = 1_767_225_600_000;
const here: Presented = { connection: 'c-1' };
const refused = { code: 'lease-refused' };
let office: TestOffice;
let n = 0;

beforeEach(async () => {
  office = await openOffice();
});

async function verified(more: Partial<LeaseTerms> = {}): Promise<VerifiedLease> {
  n += 1;
  const terms: LeaseTerms = {
    origin,
    principal: 'agent:default',
    tenant: 'default',
    capabilities: [{ type: 'tool.call', tools: ['*'] }],
    ttlSeconds: 3600,
    cnf: { conn: 'c-1' },
    ...more,
  };
  const prepared = prepareLease(terms, office.signer.key, now, new Uint8Array(16).fill(n));
  await office.store.commit((tx) => office.book.record(tx, prepared, 'default'));
  const token = await signLease(prepared, office.signer);
  return verifyLease(token, office.keys, { now, audience: origin });
}
const issue = async (more: Partial<LeaseTerms> = {}): Promise<CheckedLease> =>
  office.book.check(await verified(more), here, now);
const spend = (lease: CheckedLease, at = now): Promise<void> =>
  office.store.commit((tx) => office.book.spend(tx, lease, at));
const revoke = (lease: CheckedLease, book = office.book): Promise<unknown> =>
  office.store.commit((tx) => book.revoke(tx, 'default', lease.stateKey, 'why', now));

describe('a checked lease', () => {
  it('is made only here: copies and look-alikes are refused everywhere', async () => {
    const lease = await issue();
    assertCheckedLease(lease);
    expect(Object.isFrozen(lease) && Object.isFrozen(lease.claims)).toBe(true);
    for (const fake of [{ ...lease }, structuredClone(lease), Object.create(lease), null, 'x']) {
      expect(() => assertCheckedLease(fake)).toThrow(TypeError);
      expect(() => office.book.isLive(fake as CheckedLease, now)).toThrow(TypeError);
      await expect(spend(fake as CheckedLease)).rejects.toThrow(TypeError);
    }
  });

  it('names its state by SHA-256(32 zero bytes ‖ jti), children by their parent’s', async () => {
    const lease = await issue();
    const digest = async (...parts: Uint8Array[]): Promise<string> =>
      Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.concat(parts))).toString('hex');
    const jti = Buffer.from(lease.claims.jti);
    expect(lease.stateKey).toBe(await digest(new Uint8Array(32), jti));
    expect(stateKey('child', lease.stateKey)).toBe(
      await digest(Buffer.from(lease.stateKey, 'hex'), Buffer.from('child')),
    );
  });

  it('needs its row: a lease this book does not know is refused, however well signed', async () => {
    const other = await openOffice();
    expect(() => other.book.check({ ...officeless }, here, now)).toThrow(
      expect.objectContaining(refused),
    );
  });

  it('is pinned by content: another lease with its state key is refused', async () => {
    const lease = await verified();
    const digest = lease.digest.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    const altered: VerifiedLease = { ...lease, chain: [{ ...lease.chain[0], digest }] };
    expect(() => office.book.check(altered, here, now)).toThrow(expect.objectContaining(refused));
  });

  it('holds only for its holder', async () => {
    const bound = await verified();
    const bearer = await verified({
      cnf: undefined,
      ttlSeconds: 300,
    } as unknown as Partial<LeaseTerms>);
    const key = await verified({ cnf: { jkt: office.signer.key.kid } });
    const check = (lease: VerifiedLease, presented: Presented) => () =>
      office.book.check(lease, presented, now);
    expect(check(bound, here)().holder).toBe('connection');
    expect(check(bearer, { bearer: true })().holder).toBe('bearer');
    for (const wrong of [
      check(bound, { connection: 'c-2' }),
      check(bound, { bearer: true }),
      check(bearer, here),
      check(key, { bearer: true }),
      check(key, here),
    ]) {
      expect(wrong).toThrow(expect.objectContaining(refused));
    }
  });
});

const unknown = prepareLease(
  {
    origin,
    principal: 'x',
    tenant: 'default',
    capabilities: [],
    ttlSeconds: 60,
    cnf: { conn: 'c-1' },
  },
  { kty: 'EC', crv: 'P-256', x: '', y: '', kid: 'A'.repeat(43), alg: 'ES256' },
  now,
  new Uint8Array(16),
);
const officeless: VerifiedLease = {
  text: '',
  needsOnline: [],
  ...unknown,
  chain: [unknown],
};

describe('uses', () => {
  it('are counted durably and never exceeded, not even by calls in one group', async () => {
    const lease = await issue({ maxUses: 3 });
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => spend(lease)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(3);
    expect(office.book.find('default', lease.stateKey, now)?.uses).toBe(3);
    await expect(spend(lease)).rejects.toMatchObject(refused);
    // After a restart nothing is forgotten.
    const later = openLeaseBook(office.store);
    await expect(office.store.commit((tx) => later.spend(tx, lease, now))).rejects.toMatchObject(
      refused,
    );
  });

  it('are given back when the transaction that spends them fails', async () => {
    const lease = await issue({ maxUses: 1 });
    await expect(
      office.store.commit((tx) => {
        office.book.spend(tx, lease, now);
        throw new Error('no intent');
      }),
    ).rejects.toThrow('no intent');
    await spend(lease);
    await expect(spend(lease)).rejects.toMatchObject(refused);
  });

  it('are counted without a limit too', async () => {
    const lease = await issue();
    await Promise.all([spend(lease), spend(lease)]);
    expect(office.book.find('default', lease.stateKey, now)?.uses).toBe(2);
  });
});

describe('an end', () => {
  it('by expiry holds for new calls and for host calls of running ones', async () => {
    const lease = await issue({ ttlSeconds: 60 });
    expect(office.book.isLive(lease, now + 59_999)).toBe(true);
    expect(office.book.isLive(lease, now + 60_000)).toBe(false);
    expect(office.book.isLive(lease, now - 1)).toBe(false);
    expect(office.book.isLive(lease, Number.NaN)).toBe(false);
    await expect(spend(lease, now + 60_000)).rejects.toMatchObject(refused);
    await expect(spend(lease, Number.NaN)).rejects.toThrow();
    expect(office.book.find('default', lease.stateKey, now + 60_000)?.state).toBe('expired');
  });

  it('by revocation holds at once, everywhere, and after a restart', async () => {
    const again = await verified();
    const lease = office.book.check(again, here, now);
    expect(office.book.isLive(lease, now)).toBe(true);
    await revoke(lease);
    expect(office.book.isLive(lease, now)).toBe(false);
    await expect(spend(lease)).rejects.toMatchObject(refused);
    expect(() => office.book.check(again, here, now)).toThrow(expect.objectContaining(refused));
    const later = openLeaseBook(office.store);
    expect(later.isLive(lease, now)).toBe(false);
    expect(() => later.check(again, here, now)).toThrow(expect.objectContaining(refused));
    expect(later.find('default', lease.stateKey, now)).toMatchObject({
      state: 'revoked',
      reason: 'why',
      endedAt: now,
    });
  });

  it('by revocation beats a use in the same group, whichever was asked first', async () => {
    const lease = await issue();
    const used = spend(lease);
    const revoked = revoke(lease);
    const late = spend(lease);
    await expect(late).rejects.toMatchObject(refused);
    await Promise.all([used, revoked]);
  });

  it('whose commit fails still counts in this process', async () => {
    const lease = await issue();
    await expect(
      office.store.commit((tx) => {
        office.book.revoke(tx, 'default', lease.stateKey, 'why', now);
        throw new Error('disk full');
      }),
    ).rejects.toThrow('disk full');
    expect(office.book.isLive(lease, now)).toBe(false);
    await expect(spend(lease)).rejects.toMatchObject(refused);
  });

  it('16 revocations at once are all kept', async () => {
    const leases = await Promise.all(Array.from({ length: 16 }, () => issue()));
    await Promise.all(leases.map((lease) => revoke(lease)));
    const kept = office.book.list('default', now, ['state', 'revoked']);
    expect(new Set(kept.map((row) => row.stateKey))).toEqual(
      new Set(leases.map((lease) => lease.stateKey)),
    );
  });

  it('a revoked lease stays revoked when it is released', async () => {
    const lease = await issue();
    await revoke(lease);
    await office.store.commit((tx) => office.book.release(tx, lease, now));
    expect(office.book.find('default', lease.stateKey, now)?.state).toBe('revoked');
  });

  it('revoking what is not there, or another tenant’s, changes nothing', async () => {
    const lease = await issue();
    const attempt = (tenant: string, key: string) =>
      office.store.commit((tx: Tx) => office.book.revoke(tx, tenant, key, 'x', now));
    await expect(attempt('default', '../rotate-key')).rejects.toMatchObject({ code: 'not-found' });
    await expect(attempt('other', lease.stateKey)).rejects.toMatchObject({ code: 'not-found' });
    expect(office.book.isLive(lease, now)).toBe(true);
  });
});

describe('the book after a restart', () => {
  it('knows every live lease, however many there are', async () => {
    const rows = 2500;
    const lease = await issue();
    const row = office.store.read((reader) => reader.get(leaseTable, 'default', lease.stateKey));
    if (row === undefined) throw new Error('no row');
    await office.store.commit((tx) => {
      for (let at = 0; at < rows; at += 1) {
        tx.put(leaseTable, 'default', `a${String(at).padStart(6, '0')}`, row);
      }
      tx.put(leaseTable, 'default', `z${lease.stateKey}`, row);
    });
    const later = openLeaseBook(office.store);
    expect(later.isLive(lease, now)).toBe(true);
    const [link] = lease.chain;
    if (link === undefined) throw new Error('no link');
    const last = makeCheckedLease([{ ...link, stateKey: `z${lease.stateKey}` }], 'connection');
    expect(later.isLive(last, now)).toBe(true);
    const none = makeCheckedLease([{ ...link, stateKey: `y${lease.stateKey}` }], 'connection');
    expect(later.isLive(none, now)).toBe(false);
  });
});
