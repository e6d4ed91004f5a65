// Who has the old key dates a lease after the rotation: nobody takes it. What was issued before counts on.

import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { keyDocument } from '../../../src/trust/keyring/key-document.ts';
import { historyAfter, type KeyRow } from '../../../src/trust/keyring/key-history.ts';
import { signRotation } from '../../../src/trust/keyring/sign-rotation.ts';
import { leaseAdmitter } from '../../../src/trust/lease/lease-admitter.ts';
import { type LeaseTerms, prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Admitter, Signer } from '../../../src/trust/signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../../../src/trust/verify/keys.ts';
import type { RotationClaims } from '../../../src/trust/verify/rotation.ts';
import { rotatingHome } from '../../support/rotating-home.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const rotated = 1_790_000_000;
const grace = 600;
const any: Admitter = { kind: 'rotation', admit: () => {} };
const terms: LeaseTerms = {
  origin,
  principal: 'agent:default',
  tenant: 'default',
  capabilities: [{ type: 'fs.read', paths: ['/data/**'] }],
  ttlSeconds: 3600,
  cnf: { jkt: 'A'.repeat(43) },
};

let old: Signer;
let next: Signer;
let keys: TrustedKeys;

/** A lease issued so many seconds after the rotation. */
function leaseOf(signer: Signer, after: number): Promise<string> {
  const now = (rotated + after) * 1000;
  return signLease(prepareLease(terms, signer.key, now, randomBytes(16)), signer);
}

beforeAll(async () => {
  const open = (): Signer =>
    openMemorySigner('ES256', { roles: ['lease', 'rotation'], admitters: [any] });
  [old, next] = [open(), open()];
  const log = openMemorySigner('EdDSA', { roles: ['rotation'], admitters: [any] });
  const claims: RotationClaims = {
    iss: origin,
    seq: 1,
    iat: rotated,
    old: old.key.kid,
    new: next.key,
    size: 7,
    until: rotated + grace,
  };
  const first: KeyRow = { jwk: old.key, uri: 'file:a', since: 0, heads: { from: 0 } };
  const rotation = await signRotation(claims, [next, log, old]);
  const history = historyAfter([first], claims, rotation, 'file:b', rotated * 1000);
  const document = keyDocument(history, log.key, origin, rotated * 1000);
  keys = await loadKeys([JSON.stringify(document)]);
});

describe('offline, with the keys of today', () => {
  test.each<[string, { by: 'old' | 'next'; issued: number; asked: number }, string | undefined]>([
    ['issued before the rotation', { by: 'old', issued: -100, asked: 10 }, undefined],
    ['issued in its second', { by: 'old', issued: 0, asked: 10 }, undefined],
    ['in the last second of the grace', { by: 'old', issued: -100, asked: grace - 1 }, undefined],
    ['by the new key', { by: 'next', issued: 10, asked: 20 }, undefined],
    ['a second after it', { by: 'old', issued: 1, asked: 10 }, 'not-trusted'],
    ['an hour after it', { by: 'old', issued: 3000, asked: 3010 }, 'not-trusted'],
    ['at the end of the grace', { by: 'old', issued: -100, asked: grace }, 'not-trusted'],
    ['at no time', { by: 'old', issued: -100, asked: Number.NaN }, 'not-trusted'],
  ])('%s', async (_, { by, issued, asked }, code) => {
    const text = await leaseOf(by === 'old' ? old : next, issued);
    const verified = verifyLease(text, keys, { now: (rotated + asked) * 1000, audience: origin });
    if (code === undefined)
      await expect(verified).resolves.toMatchObject({ kid: expect.any(String) });
    else await expect(verified).rejects.toMatchObject({ code });
  });

  test('an older copy of the JWKS beside it does not bring the key back', async () => {
    const before = JSON.stringify({ ...old.key, warder_roles: ['lease', 'revocations'] });
    const today = JSON.stringify({
      keys: keys.map((key) => ({
        ...key.jwk,
        warder_roles: key.roles,
        ...(key.retired === undefined ? {} : { warder_retired: key.retired }),
      })),
    });
    const text = await leaseOf(old, 1);
    for (const files of [
      [before, today],
      [today, before],
    ]) {
      const both = await loadKeys(files);
      await expect(
        verifyLease(text, both, { now: (rotated + 10) * 1000, audience: origin }),
      ).rejects.toMatchObject({ code: 'not-trusted' });
    }
  });

  test('a bound that is misspelt is an error, not no bound', async () => {
    for (const wrong of [
      { warder_retired: { at: 1, untl: 2 } },
      { warder_retired: { at: 1 } },
      { warder_retired: { at: 1, until: '2' } },
      { warder_retired: null },
      { warder_heads: { from: -1 } },
      { warder_heads: { to: 3 } },
      { warder_heads: [0, 3] },
    ]) {
      const file = JSON.stringify({ ...old.key, warder_roles: ['lease'], ...wrong });
      await expect(loadKeys([file]), file).rejects.toMatchObject({ code: 'malformed' });
    }
  });
});

test('the signer itself refuses: late signatures are of leases dated before', async () => {
  const signer = openMemorySigner('ES256', {
    roles: ['lease'],
    admitters: [leaseAdmitter(origin, () => trusted)],
  });
  const file = {
    ...signer.key,
    warder_roles: ['lease'],
    warder_retired: { at: rotated, until: rotated + grace },
  };
  const trusted: TrustedKeys = await loadKeys([JSON.stringify(file)]);
  await expect(leaseOf(signer, 0)).resolves.toBeTypeOf('string');
  await expect(leaseOf(signer, 1)).rejects.toMatchObject({ code: 'not-trusted' });
});

test('in a home: a lease of the old key counts to the end of its grace, in running calls too', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const text = await opened.issue();
  const held = await opened.take(text);
  const { graceUntil } = await opened.operations['keys.rotate']({ graceSeconds: 100 });
  const end = Date.parse(graceUntil);
  await opened.take(text);
  const { leases } = opened.gate;
  expect(leases.isLive(held, end - 1)).toBe(true);
  expect(leases.isLive(held, end)).toBe(false);
  await expect(opened.store.commit((tx) => leases.spend(tx, held, end))).rejects.toMatchObject({
    code: 'lease-refused',
  });
  // The connection it was for is as good as before: it gets another.
  expect(leases.endedWithKey(held, end)).toBe(true);
});

test('a grace is never longer than the longest lease', async () => {
  const { open } = await rotatingHome();
  const { operations, keys: ring } = await open();
  const { kid } = ring.signing.key;
  for (const request of [
    { graceSeconds: 3601 },
    { graceSeconds: 1, compromised: true },
    { key: 'file:keys/other.key?alg=EdDSA' },
    { key: 'file:keys/signing.key' },
    { key: 'ftp:x' },
  ]) {
    await expect(operations['keys.rotate'](request)).rejects.toMatchObject({ code: 'usage' });
  }
  expect(ring.signing.key.kid).toBe(kid);
});
