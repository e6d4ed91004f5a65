import { expect, test } from 'vitest';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { callFacts, openFixture } from './log-fixture.ts';

test('a receipt verifies with nothing but its text and the keys', async () => {
  const log = await openFixture();
  const refs = [];
  for (let at = 0; at < 5; at += 1) refs.push(await log.append());
  const keys = await loadKeys([log.keys.jwks]);
  for (const ref of refs) {
    const verified = await verifyReceipt(await log.proof(ref.id), keys);
    expect(verified).toMatchObject({ ...ref, origin: log.keys.origin });
    expect(verified.signedBy).toHaveLength(2);
  }
});

test('the audit recomputes the whole log, over tile borders', async () => {
  const log = await openFixture();
  await Promise.all(Array.from({ length: 600 }, () => log.append(callFacts())));
  expect(await log.audit()).toMatchObject({ size: 600, origin: log.keys.origin });
});
