// The key is rotated while leases are issued and proofs are asked for: none fails, and each is whole.

import { expect, test } from 'vitest';
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
  let rotating = true;
  const kids = new Set<string | undefined>();
  const proofs: string[] = [];
  const work = async (worker: number): Promise<number> => {
    let done = 0;
    for (let n = 0; rotating || n < 20; n += 1) {
      const lease = await connect(opened, `c-${worker}-${n}`).current(gate.now());
      expect(gate.leases.isLive(lease, gate.now())).toBe(true);
      kids.add(lease.chain[0]?.kid);
      if (n % 10 === 0) {
        const [row] = receipts.reader.list({ last: 1 });
        proofs.push(await receipts.proof(row?.id ?? ''));
      }
      done += 1;
    }
    return done;
  };
  const workers = Array.from({ length: 4 }, (_, worker) => work(worker));
  const { kid } = await operations['keys.rotate']({});
  rotating = false;
  const counts = await Promise.all(workers);
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(20);
  expect(kids).toEqual(new Set([old, kid]));
  await opened.publish();
  const published = await opened.published();
  for (const proof of proofs) await verifyReceipt(proof, published);
  await receipts.audit();
}, 60_000);

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
