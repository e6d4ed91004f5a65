// The key is rotated while leases are issued and proofs are asked for: none fails, and each is whole.

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { type OpenHome, rotatingHome } from '../../support/rotating-home.ts';

function connect({ connectionLease }: OpenHome, name: string) {
  return connectionLease({
    agent: 'default',
    connection: name,
    principal: 'agent:default',
    tenant: 'default',
    capabilities: [{ type: 'tool.call', tools: ['*'] }],
    ttlSeconds: 600,
  });
}

test('leases and proofs go on; both keys signed some', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  opened.start();
  const { gate, operations, receipts, keys } = opened;
  const old = keys.signing.key.kid;
  await keys.signing.ready();
  const rotation = { going: true };
  const kids = new Set<string | undefined>();
  const proofs: string[] = [];
  const work = async (worker: number): Promise<number> => {
    let [during, after] = [0, 0];
    for (let n = 0; rotation.going || after < 3; n += 1) {
      if (rotation.going) during += 1;
      else after += 1;
      const lease = await connect(opened, `c-${worker}-${n}`).current(gate.now());
      expect(gate.leases.isLive(lease, gate.now())).toBe(true);
      kids.add(lease.chain[0]?.kid);
      if (n % 10 === 0) {
        const [row] = receipts.reader.list({ last: 1 });
        proofs.push(await receipts.proof(row?.id ?? ''));
      }
    }
    return during;
  };
  const workers = Array.from({ length: 4 }, (_, worker) => work(worker));
  const { kid } = await operations['keys.rotate']({});
  rotation.going = false;
  const counts = await Promise.all(workers);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  expect(kids).toEqual(new Set([old, kid]));
  await opened.publish();
  const published = await opened.published();
  for (const proof of proofs) await verifyReceipt(proof, published);
  await receipts.audit();
}, 60_000);

test('a lease that was recorded for the old key is signed by it, and counts', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const { keys, gate, operations } = opened;
  const terms = {
    origin: keys.origin,
    principal: 'agent:default',
    tenant: 'default',
    capabilities: [{ type: 'fs.read', paths: ['/data/**'] }],
    ttlSeconds: 60,
  } as const;
  const prepared = prepareLease(terms, keys.leases.key, gate.now(), randomBytes(16));
  const { claims, digest, stateKey } = prepared;
  const receipt = await opened.administration.leaseEvent((tx) => {
    gate.leases.record(tx, prepared, 'default');
    return { outcome: 'issued', agent: 'default', stateKey, claims, digest };
  });
  await operations['keys.rotate']({});
  const lease = await opened.take(await signLease(prepared, keys.leases, receipt));
  expect(lease.chain[0]?.kid).toBe(prepared.kid);
  expect(keys.leases.key.kid).not.toBe(prepared.kid);
});

test('a connection whose key was compromised gets another lease; one that was revoked gets none', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const { gate, operations } = opened;
  const [kept, revoked] = [connect(opened, 'c-1'), connect(opened, 'c-2')];
  const before = await kept.current(gate.now());
  const { stateKey } = await revoked.current(gate.now());
  await operations['lease.revoke']({ id: stateKey, reason: 'x' });
  const { kid } = await operations['keys.rotate']({ compromised: true });
  expect(gate.leases.isLive(before, gate.now())).toBe(false);
  const after = await kept.current(gate.now());
  expect(after.stateKey).not.toBe(before.stateKey);
  expect(after.chain[0]?.kid).toBe(kid);
  await expect(revoked.current(gate.now())).rejects.toMatchObject({ code: 'lease-refused' });
});

test('of two rotations at once each happens whole or not at all', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const { operations, keys } = opened;
  const done = await Promise.allSettled([1, 2, 3].map(() => operations['keys.rotate']({})));
  const good = done.filter(({ status }) => status === 'fulfilled').length;
  for (const each of done) {
    if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'conflict' });
  }
  expect(good).toBeGreaterThanOrEqual(1);
  expect(keys.history).toHaveLength(good + 1);
  await opened.issue();
  await opened.receipts.audit();
}, 60_000);
