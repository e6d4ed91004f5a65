// Somebody puts an older or another store in place, and removes every checkpoint from the home. The
// signer's memory is elsewhere: it signs no second history.

import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { ReceiptLog } from '../../../src/trust/receipt/receipt-log.ts';
import { callFacts, declared, openFixture, random } from '../../unit/receipt/log-fixture.ts';

test.each([
  ['with fewer leaves', 3],
  ['with as many', 5],
  ['with more', 9],
])('another history %s is not signed', async (_, leaves) => {
  const log = await openFixture();
  for (let at = 0; at < 5; at += 1) await log.append();
  const { note } = await log.checkpointer.current();
  await log.close();
  rmSync(log.directory, { recursive: true });
  const store = openMemoryStore(declared);
  const other = new ReceiptLog({ store, origin: log.keys.origin, random });
  for (let at = 0; at < leaves; at += 1) {
    await store.commit((tx) => other.append(tx, callFacts()));
  }

  // It is told so at once, and nothing is signed.
  await expect(openFixture(store, `${log.directory}/..`, log.keys)).rejects.toMatchObject({
    code: 'verification-failed',
    hint: expect.stringContaining('new-log') as string,
  });
  expect(await log.keys.admitter.last()).toMatchObject({ size: 5 });
  expect(note).toContain('\n5\n');
});

test('the same history goes on, though every checkpoint was removed', async () => {
  const log = await openFixture();
  for (let at = 0; at < 5; at += 1) await log.append();
  await log.checkpointer.current();
  await log.close();
  rmSync(log.directory, { recursive: true });
  const again = await log.reopen();
  await again.append();
  expect(await again.audit()).toMatchObject({ size: 6 });
});
