import { importJWK, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { WarderError } from '../../../src/base/errors/errors.ts';
import {
  connectionLease,
  type ConnectionTerms,
  type LeaseOffice,
} from '../../../src/trust/lease/connection-lease.ts';
import { prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { leaseTable } from '../../../src/trust/lease/lease-book.ts';
import type { SignRequest } from '../../../src/trust/signer/signer.ts';
import { leaves, openOffice, origin } from './office.ts';

const now = 1_767_225_600_000;
const terms: ConnectionTerms = {
  agent: 'default',
  connection: 'c-1',
  principal: 'agent:default',
  tenant: 'default',
  capabilities: [{ type: 'tool.call', tools: ['*'] }],
  ttlSeconds: 600,
};
const refused = { code: 'lease-refused' };

describe('the lease of a connection', () => {
  it('is issued when first needed, once, and is bound to the connection', async () => {
    const office = await openOffice();
    const connection = connectionLease(office, terms);
    expect(office.events).toEqual([]);
    const [first, second] = await Promise.all([connection.current(now), connection.current(now)]);
    expect(first).toBe(second);
    expect(await connection.current(now + 1000)).toBe(first);
    expect(first).toMatchObject({
      holder: 'connection',
      claims: { sub: 'agent:default', cnf: { conn: 'c-1' }, del_max: 0, exp: now / 1000 + 600 },
    });
    expect(office.events).toMatchObject([{ outcome: 'issued', stateKey: first.stateKey }]);
  });

  it('has a durable row and receipt before its signature is asked for', async () => {
    const office = await openOffice();
    const seen: unknown[] = [];
    const watching: LeaseOffice = {
      ...office,
      signer: {
        ...office.signer,
        key: office.signer.key,
        sign: (request: SignRequest) => {
          seen.push(
            office.store.read((reader) => [
              reader.list(leaseTable, 'default').length,
              reader.length(leaves),
            ]),
          );
          return office.signer.sign(request);
        },
      },
    };
    await connectionLease(watching, terms).current(now);
    expect(seen).toEqual([[1, 1]]);
  });

  it('is renewed before it runs out; the old one holds to its own end', async () => {
    const office = await openOffice();
    const connection = connectionLease(office, terms);
    const first = await connection.current(now);
    expect(await connection.current(now + 569_999)).toBe(first);
    const second = await connection.current(now + 570_000);
    expect(second.stateKey).not.toBe(first.stateKey);
    expect(office.book.isLive(first, now + 599_999)).toBe(true);
    expect(office.book.isLive(first, now + 600_000)).toBe(false);
    expect(await connection.current(now + 3_600_000)).not.toBe(second);
  });

  it('is not renewed once it was revoked', async () => {
    const office = await openOffice();
    const connection = connectionLease(office, terms);
    const lease = await connection.current(now);
    await office.store.commit((tx) =>
      office.book.revoke(tx, 'default', lease.stateKey, 'why', now),
    );
    await expect(connection.current(now)).rejects.toMatchObject(refused);
    await expect(connection.current(now + 590_000)).rejects.toMatchObject(refused);
  });

  it('stays revoked after the time it would have expired', async () => {
    const office = await openOffice();
    const connection = connectionLease(office, terms);
    const lease = await connection.current(now);
    await office.store.commit((tx) =>
      office.book.revoke(tx, 'default', lease.stateKey, 'why', now),
    );
    await expect(connection.current(now + 700_000)).rejects.toMatchObject(refused);
  });

  it('ends with the connection, also when that ends while it is being issued', async () => {
    const office = await openOffice();
    const connection = connectionLease(office, terms);
    const lease = await connection.current(now);
    await connection.release(now + 5);
    await connection.release(now + 6);
    expect(office.book.isLive(lease, now)).toBe(false);
    await expect(connection.current(now)).rejects.toMatchObject(refused);
    expect(office.events.map((event) => event.outcome)).toEqual(['issued', 'released']);

    const hasty = connectionLease(office, { ...terms, connection: 'c-2' });
    const pending = hasty.current(now);
    await hasty.release(now);
    expect(office.book.isLive(await pending, now)).toBe(false);
    await connectionLease(office, terms).release(now);
  });

  it('is tried again after a failure, and no half-issued lease is usable', async () => {
    const office = await openOffice();
    let broken = true;
    const flaky: LeaseOffice = {
      ...office,
      signer: {
        ...office.signer,
        key: office.signer.key,
        sign: (request: SignRequest) =>
          broken
            ? Promise.reject(new WarderError('unavailable', 'device gone'))
            : office.signer.sign(request),
      },
    };
    const connection = connectionLease(flaky, terms);
    await expect(connection.current(now)).rejects.toMatchObject({ code: 'unavailable' });
    broken = false;
    expect((await connection.current(now)).holder).toBe('connection');
  });

  it('is not given when row or receipt cannot be written, and nothing is signed then', async () => {
    const office = await openOffice();
    let signed = 0;
    const full: LeaseOffice = {
      ...office,
      record: () => Promise.reject(new WarderError('unavailable', 'disk full')),
      signer: {
        ...office.signer,
        key: office.signer.key,
        sign: (request: SignRequest) => {
          signed += 1;
          return office.signer.sign(request);
        },
      },
    };
    await expect(connectionLease(full, terms).current(now)).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(signed).toBe(0);
  });

  it.each(['ES256', 'EdDSA'] as const)('%s: is a JWT that jose takes', async (alg) => {
    const office = await openOffice(undefined, alg);
    const bound = { ...terms, origin, cnf: { conn: 'c-1' } };
    const prepared = prepareLease(bound, office.signer.key, now, new Uint8Array(16));
    const token = await signLease(prepared, office.signer);
    const { payload, protectedHeader } = await jwtVerify(
      token,
      await importJWK({ ...office.signer.key }),
      { typ: 'lease+jwt', audience: origin, currentDate: new Date(now) },
    );
    expect(payload).toEqual(prepared.claims);
    expect(protectedHeader).toEqual({ alg, kid: office.signer.key.kid, typ: 'lease+jwt' });
  });
});

describe('the signer asks the lease room', () => {
  it('and signs no lease of another daemon, for another key, or without end', async () => {
    const office = await openOffice();
    const { key } = office.signer;
    const base = { ...terms, origin, cnf: { conn: 'c-1' } };
    const random = new Uint8Array(16);
    const good = prepareLease(base, key, now, random);
    await office.signer.sign({ kind: 'lease', payload: encodeUtf8(good.signingInput) });
    const other = (await openOffice()).signer.key;
    const [header, payload = ''] = good.signingInput.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const forged = (change: object): string =>
      `${header}.${Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url')}`;
    for (const input of [
      prepareLease({ ...base, origin: 'elsewhere' }, key, now, random).signingInput,
      prepareLease(base, other, now, random).signingInput,
      forged({ exp: now }),
      forged({ exp: undefined }),
      forged({ cnf: undefined }),
      forged({ del_depth: 1, del_max: 1, par_hash: key.kid }),
      forged({ authorization_details: [{ type: 'tool.call', tools: [] }] }),
    ]) {
      await expect(
        office.signer.sign({ kind: 'lease', payload: encodeUtf8(input) }),
      ).rejects.toMatchObject({ code: 'not-trusted' });
    }
  });

  it('terms no lease can have are refused', async () => {
    const { signer } = await openOffice();
    for (const wrong of [
      { ttlSeconds: 0 },
      { ttlSeconds: -1 },
      { ttlSeconds: Number.NaN },
      { ttlSeconds: 86_401 },
      { ttlSeconds: 1.5 },
      { principal: 'a\u202eb' },
      { tenant: '../x' },
      { maxUses: 0 },
      { cnf: { conn: '' } },
    ]) {
      expect(() =>
        prepareLease({ ...terms, origin, ...wrong }, signer.key, now, new Uint8Array(16)),
      ).toThrow(expect.objectContaining({ code: 'malformed' }));
    }
  });
});
