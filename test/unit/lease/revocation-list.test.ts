// Revocation lists, and leases decided upon offline with one.

import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Revocations,
  revocationsDigest,
  signRevocations,
  verifyRevocations,
} from '../../../src/trust/lease/revocation-list.ts';
import { verifyOffline } from '../../../src/trust/lease/verify-offline.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Signer } from '../../../src/trust/signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../../../src/trust/verify/keys.ts';
import { delegate, issueRoot, now, openHolder, verifyIn } from './chains.ts';
import { openOffice, origin, type TestOffice } from './office.ts';

const second = now / 1000;
const list: Revocations = {
  iss: origin,
  seq: 7,
  iat: second,
  nextUpdate: second + 3600,
  leases: [],
  holders: [],
};
let signer: Signer;
let keys: TrustedKeys;
let office: TestOffice;
beforeAll(async () => {
  signer = openMemorySigner('ES256', { roles: ['revocations'], admitters: [] });
  office = await openOffice();
  keys = [
    ...(await loadKeys([JSON.stringify({ ...signer.key, warder_roles: ['revocations'] })])),
    ...office.keys,
  ];
});
const here = { now, audience: origin };

describe('a revocation list', () => {
  it('verifies, and has a digest', async () => {
    const text = await signRevocations({ ...list, leases: ['a'.repeat(64)] }, signer);
    await expect(verifyRevocations(text, keys, { ...here, atLeast: 7 })).resolves.toMatchObject({
      seq: 7,
      leases: ['a'.repeat(64)],
    });
    expect(revocationsDigest(text)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<[string, Partial<Record<keyof typeof here | 'atLeast', unknown>>]>([
    ['out of date', { now: now + 3_600_000 }],
    ['at no time', { now: Number.NaN }],
    ['from the future', { now: now - 61_000 }],
    ['of another daemon', { audience: 'elsewhere' }],
    ['older than one seen', { atLeast: 8 }],
  ])('%s is refused', async (_, wrong) => {
    const text = await signRevocations(list, signer);
    await expect(
      verifyRevocations(text, keys, { ...here, ...wrong } as typeof here),
    ).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it.each<[string, Partial<Record<keyof Revocations, unknown>>]>([
    ['without an end', { nextUpdate: undefined }],
    ['that outlives every lease', { nextUpdate: second + 86_401 }],
    ['that ends before it begins', { nextUpdate: second }],
    ['with a number that is none', { seq: Number.NaN }],
    ['numbered from below', { seq: -1 }],
    ['that names leases otherwise', { leases: ['../x'] }],
    ['that lists no list', { holders: 'A'.repeat(43) }],
    ['with more to say', { extra: 1 } as object],
  ])('%s is not signed', async (_, wrong) => {
    await expect(
      signRevocations({ ...list, ...wrong } as Revocations, signer),
    ).rejects.toMatchObject({ code: 'malformed' });
  });

  it('is signed by a key for that alone, and as it stands', async () => {
    const text = await signRevocations(list, signer);
    const [header = '', payload = '', signature = ''] = text.split('.');
    const changed = Buffer.from(JSON.stringify({ ...list, seq: 8 })).toString('base64url');
    const bad = (wrong: string, code: string, by = keys) =>
      expect(verifyRevocations(wrong, by, here)).rejects.toMatchObject({ code });
    await bad(`${header}.${changed}.${signature}`, 'verification-failed');
    await bad(text, 'not-trusted', office.keys);
    const leaseKey = await loadKeys([JSON.stringify({ ...signer.key, warder_roles: ['lease'] })]);
    await bad(text, 'not-trusted', leaseKey);
    await bad(`${header}.${payload}`, 'malformed');
    await bad(`${text}=`, 'malformed');
    await bad(await issueRoot(office, { cnf: { conn: 'c-1' } }), 'malformed');
  });
});

describe('offline', () => {
  const capabilities = [{ type: 'fs.read', paths: ['/data/**'] }] as const;

  it('a lease is taken until the list names it, its parent or its holder', async () => {
    const [a, b] = [await openHolder(), await openHolder()];
    const root = await issueRoot(office, { cnf: { jwk: a.jwk }, capabilities });
    const text = await delegate(root, a, b);
    const { chain } = await verifyIn(office, text);
    const judge = async (more: Partial<Revocations>) =>
      verifyOffline(text, keys, {
        ...here,
        revocations: await signRevocations({ ...list, ...more }, signer),
      });
    await expect(judge({})).resolves.toMatchObject({ revocations: { seq: 7 } });
    for (const more of [
      ...chain.map(({ stateKey }) => ({ leases: [stateKey] })),
      { holders: [a.jkt] },
      { holders: [b.jkt] },
    ]) {
      await expect(judge(more)).rejects.toMatchObject({ code: 'lease-refused' });
    }
  });

  it('fails closed: beyond the age it was told, and for what a daemon counts', async () => {
    const holder = await openHolder();
    const cnf = { jwk: holder.jwk };
    const revocations = await signRevocations(list, signer);
    const at = (text: string, later = 0, maxAgeSeconds = 60) =>
      verifyOffline(text, keys, { now: now + later, audience: origin, revocations, maxAgeSeconds });
    const plain = await issueRoot(office, { cnf, capabilities });
    await expect(at(plain)).resolves.toBeDefined();
    await expect(at(plain, 61_000)).rejects.toMatchObject({ code: 'lease-refused' });
    await expect(at(plain, 0, Number.NaN)).rejects.toMatchObject({ code: 'lease-refused' });
    for (const [more, why] of [
      [{ maxUses: 1 }, 'max_uses'],
      [{ maxBytes: 1 }, 'max_bytes'],
      [{ rate: { uses: 1, seconds: 1 } }, 'rate'],
      [{ capabilities: [{ type: 'spend', currency: 'EUR', amount: 1 }] }, 'spend'],
      [{ cnf: { conn: 'c-1' } }, 'cnf.conn'],
    ] as const) {
      const counted = await issueRoot(office, { cnf, capabilities, ...more });
      await expect(at(counted)).rejects.toMatchObject({
        code: 'lease-refused',
        data: { needsOnline: [why] },
      });
    }
  });
});
