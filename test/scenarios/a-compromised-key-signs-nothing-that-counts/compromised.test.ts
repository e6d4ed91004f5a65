// Somebody has a copy of the signing key. After `keys rotate --compromised` nothing it signs counts.

import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { signRotation } from '../../../src/trust/keyring/sign-rotation.ts';
import { prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { signRevocations, verifyRevocations } from '../../../src/trust/lease/revocation-list.ts';
import { verifyLease } from '../../../src/trust/lease/verify-lease.ts';
import { verifyOffline } from '../../../src/trust/lease/verify-offline.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { openSigner } from '../../../src/trust/signer/open-signer.ts';
import { signingKeyRoles } from '../../../src/trust/signer/roles.ts';
import type { Admitter } from '../../../src/trust/signer/signer.ts';
import { formatHead, verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { followRotations } from '../../../src/trust/verify/rotation.ts';
import { rotatingHome } from '../../support/rotating-home.ts';

const any: Admitter = { kind: 'rotation', admit: () => {} };

test('leases, lists, heads and rotations of the thief are refused', async () => {
  const { home, open } = await rotatingHome();
  const opened = await open();
  const { gate, config, operations, keys } = opened;
  const { origin } = config.log;
  const before = await loadKeys([JSON.stringify(keys.document(gate.now()))]);
  const thief = await openSigner(config.key.uri, {
    home: home.root,
    roles: signingKeyRoles,
    admitters: [any],
  });
  const issued = await opened.issue();
  const held = await opened.take(issued);
  expect(gate.leases.isLive(held, gate.now())).toBe(true);

  await operations['keys.rotate']({ compromised: true });
  const now = gate.now();
  const second = Math.floor(now / 1000);
  await opened.lists.latest('default');
  const today = await opened.published();

  // A running call loses its host calls; the next one is refused.
  expect(gate.leases.isLive(held, now)).toBe(false);
  await expect(opened.take(issued)).rejects.toMatchObject({ code: 'not-trusted' });
  await expect(opened.store.commit((tx) => gate.leases.spend(tx, held, now))).rejects.toMatchObject(
    { code: 'lease-refused' },
  );
  const [row] = await operations['lease.list']({}).then(({ leases }) => leases);
  expect(row).toMatchObject({ state: 'revoked' });

  // A lease dated back to when the key was good.
  const forged = prepareLease(
    {
      origin,
      principal: 'agent:default',
      tenant: 'default',
      capabilities: [{ type: 'tool.call', tools: ['*'] }],
      ttlSeconds: 3600,
      cnf: { jkt: 'A'.repeat(43) },
    },
    thief.key,
    now - 60_000,
    randomBytes(16),
  );
  const stolen = await signLease(forged, thief);
  await expect(verifyLease(stolen, today, { now, audience: origin })).rejects.toMatchObject({
    code: 'not-trusted',
  });

  // A list that revokes nothing.
  const list = {
    iss: origin,
    seq: 1e6,
    iat: second,
    nextUpdate: second + 600,
    leases: [],
    holders: [],
  };
  const empty = await signRevocations(list, thief);
  await expect(verifyRevocations(empty, today, { now, audience: origin })).rejects.toMatchObject({
    code: 'not-trusted',
  });
  // The real one says which key it was, also to who has keys that do not tell.
  const { list: real } = await operations['lease.revocations']({ tenant: 'default' });
  await expect(verifyRevocations(real, today, { now, audience: origin })).resolves.toMatchObject({
    keys: [thief.key.kid],
  });
  const untold = [
    ...(await loadKeys([JSON.stringify({ ...thief.key, warder_roles: ['lease'] })])),
    ...today.filter(({ kid }) => kid !== thief.key.kid),
  ];
  await expect(
    verifyOffline(stolen, untold, { now, audience: origin, revocations: real }),
  ).rejects.toMatchObject({ code: 'lease-refused' });
  // Who did not fetch keys since takes nothing at all: the list is of a key it does not know.
  await expect(
    verifyOffline(stolen, before, { now, audience: origin, revocations: real }),
  ).rejects.toMatchObject({ code: 'not-trusted' });

  // A head over another history.
  const head = { origin, size: 1, root: createHash('sha256').update('other').digest() };
  const mine = before.find(({ kid }) => kid === thief.key.kid);
  if (mine === undefined) throw new Error('the key that was stolen was published');
  const line = async (size: number): Promise<string> => {
    const at = formatHead({ ...head, size });
    const signature = await thief.sign({ kind: 'checkpoint', payload: encodeUtf8(at) });
    return formatNote({ text: at, signatures: [noteSignature(origin, mine.raw, signature)] });
  };
  for (const size of [1, 1000]) {
    await expect(verifyCheckpoint(await line(size), today)).rejects.toMatchObject({
      code: 'not-trusted',
    });
  }

  // A rotation to a key of his own, dated before that of the operator.
  const his = openMemorySigner('ES256', { roles: ['rotation'], admitters: [any] });
  const claims = {
    iss: origin,
    seq: 1,
    iat: second - 60,
    old: thief.key.kid,
    new: his.key,
    size: 1,
    until: second + 600,
  };
  const led = { warder_rotations: [await signRotation(claims, [his, thief])] };
  await expect(followRotations(JSON.parse(JSON.stringify(led)), before)).rejects.toMatchObject({
    code: 'not-trusted',
  });
  // And what the operator published leads nobody on by itself.
  const published = JSON.parse(JSON.stringify(keys.document(now)));
  await expect(followRotations(published, before)).rejects.toMatchObject({ code: 'not-trusted' });
  await thief.close();
});

test('the grace of keys before it ends too; receipts of then still verify', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const { operations, gate, receipts } = opened;
  const issued = await opened.issue();
  const [row] = receipts.reader.list({ last: 1 });
  const proof = await receipts.proof(row?.id ?? '');
  await operations['keys.rotate']({});
  await opened.take(issued);
  await operations['keys.rotate']({ compromised: true });
  await expect(opened.take(issued)).rejects.toMatchObject({ code: 'not-trusted' });
  const states = (await operations['keys.list']({})).keys.map(({ state }) => state);
  expect(states).toEqual(['current', 'compromised', 'compromised', 'current']);
  await verifyReceipt(proof, await opened.published());
  const reasons = receipts.reader
    .list({ type: 'key', last: 10 })
    .map(({ id }) => receipts.reader.show(id).openings.fields['reason']);
  expect(reasons).toMatchObject([
    { value: 'signing key compromised' },
    { value: 'signing key rotated' },
    { value: 'first keys of this home' },
  ]);
  expect(gate.log.size).toBeGreaterThan(0);
});
