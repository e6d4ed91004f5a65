// What was revoked is named by the next list, whoever asks for it, and the list is in the log before that.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateHolderKey } from '../../../src/trust/holder/holder-key.ts';
import { expect, test } from 'vitest';
import { revocationsDigest, verifyRevocations } from '../../../src/trust/lease/revocation-list.ts';
import { verifyOffline } from '../../../src/trust/lease/verify-offline.ts';
import { type OpenHome, rotatingHome } from '../../support/rotating-home.ts';

async function listOf(opened: OpenHome, tenant = 'default') {
  const { list } = await opened.operations['lease.revocations']({ tenant });
  const now = opened.gate.now();
  const expected = { now, audience: opened.config.log.origin };
  return { text: list, claims: await verifyRevocations(list, opened.keys.trusted, expected) };
}

test('by lease, principal, holder, or all', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const { operations, gate, config } = opened;
  const holder = await generateHolderKey('ES256');
  const offline = (text: string, revocations: string) =>
    verifyOffline(text, opened.keys.trusted, {
      now: gate.now(),
      audience: config.log.origin,
      revocations,
    });
  const reason = 'seen enough';
  const leases = {
    one: await opened.issue(),
    subject: await opened.issue({ principal: 'agent:other' }),
    bound: await opened.issue({ principal: 'agent:third', cnf: { jwk: holder.jwk } }),
    rest: await opened.issue({ principal: 'agent:third' }),
  };
  const before = await listOf(opened);
  for (const text of Object.values(leases)) await offline(text, before.text);

  const { stateKey } = await opened.take(leases.one);
  const asked = [
    ['one', { id: stateKey.slice(0, 16) }],
    ['subject', { subject: 'agent:other' }],
    ['bound', { holder: holder.jkt }],
    ['rest', { all: true }],
  ] as const;
  let seq = before.claims.seq;
  for (const [at, [name, which]] of asked.entries()) {
    const done = await operations['lease.revoke']({ ...which, reason });
    expect(
      done.ended.flatMap(({ leases: ended }) => ended),
      name,
    ).toHaveLength(1);
    const { text, claims } = await listOf(opened);
    expect(claims.seq, name).toBeGreaterThan(seq);
    seq = claims.seq;
    for (const [later, [other]] of asked.entries()) {
      const judged = offline(leases[other], text);
      if (later <= at) await expect(judged, other).rejects.toMatchObject({ code: 'lease-refused' });
      else await judged;
    }
    // The file says the same, and the log named it first.
    const file = readFileSync(join(opened.home.public, 'revocations.jwt'), 'utf8').trim();
    expect(file).toBe(text);
    const signed = opened.receipts.reader
      .list({ type: 'lease', outcome: 'changed', last: 100 })
      .map(({ id }) => opened.receipts.reader.show(id).statement.subject[0]?.digest.sha256);
    expect(signed[0]).toBe(revocationsDigest(text));
  }
  // Again: nothing ends, and nothing new is to be said.
  for (const [name, which] of asked) {
    const done = await operations['lease.revoke']({ ...which, reason });
    expect(
      done.ended.flatMap(({ leases: ended }) => ended),
      name,
    ).toEqual([]);
  }
  expect((await listOf(opened)).claims.leases).toHaveLength(4);
});

test('the receipt names what ended, and of many how many there were', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  for (let n = 0; n < 30; n += 1) await opened.issue();
  await opened.operations['lease.revoke']({ all: true, reason: 'all of them' });
  const [row] = opened.receipts.reader.list({ type: 'lease', outcome: 'revoked', last: 1 });
  const { statement } = opened.receipts.reader.show(row?.id ?? '');
  expect(statement.predicate.detail).toMatchObject({ by: 'all', ended: 30 });
  expect(statement.predicate.detail?.['leases']).toHaveLength(10);
});

test('over a restart; and a list says nothing of another tenant', async () => {
  const { open } = await rotatingHome();
  let opened = await open();
  const text = await opened.issue();
  const { stateKey } = await opened.take(text);
  await opened.operations['lease.revoke']({ id: stateKey, reason: 'x' });
  const before = await listOf(opened);
  opened = await open();
  const after = await listOf(opened);
  expect(after.claims.leases).toEqual([stateKey]);
  expect(after.claims.seq).toBeGreaterThanOrEqual(before.claims.seq);

  // A lease of another tenant, judged by the list of `default`, which does not name it.
  const elsewhere = await opened.issue({ tenant: 'other' });
  await expect(
    verifyOffline(elsewhere, opened.keys.trusted, {
      now: opened.gate.now(),
      audience: opened.config.log.origin,
      revocations: after.text,
    }),
  ).rejects.toMatchObject({ code: 'lease-refused' });
});

test('a lease that only a daemon takes makes no list longer', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  await opened.issue({ cnf: { conn: 'c-1' } });
  await opened.issue({ cnf: { conn: 'c-2' }, delMax: 1 });
  await opened.operations['lease.revoke']({ all: true, reason: 'x' });
  // The second may have been delegated to somebody who is offline.
  expect((await listOf(opened)).claims.leases).toHaveLength(1);
});

test('what is no name of a lease ends none, and does nothing else', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const text = await opened.issue();
  const { kid } = opened.keys.signing.key;
  const long = 'a'.repeat(65);
  for (const id of ['../rotate-key', '..', '', long, 'x/y/z/x/y/z/x/y/z/', '%2e%2e%2frotate-key']) {
    await expect(opened.operations['lease.revoke']({ id, reason: 'x' }), id).rejects.toMatchObject({
      code: 'malformed',
    });
  }
  for (const which of [{ holder: '../key' }, { all: true, tenant: '../other' }]) {
    await expect(
      opened.operations['lease.revoke']({ ...which, reason: 'x' }),
    ).rejects.toMatchObject({ code: 'malformed' });
  }
  for (const which of [{}, { all: false }, { all: true, subject: 'x' }]) {
    await expect(
      opened.operations['lease.revoke']({ ...which, reason: 'x' }),
    ).rejects.toMatchObject({ code: 'usage' });
  }
  const { stateKey } = await opened.take(text);
  // Too short to be sure of.
  for (const id of ['f'.repeat(64), stateKey.slice(0, 15), 'rotate-key', '__proto__']) {
    await expect(opened.operations['lease.revoke']({ id, reason: 'x' }), id).rejects.toMatchObject({
      code: 'not-found',
    });
  }
  expect(opened.keys.signing.key.kid).toBe(kid);
  await opened.take(text);
});
