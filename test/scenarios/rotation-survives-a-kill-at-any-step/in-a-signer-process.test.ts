// The key of the log is in a signer process, and one of the two processes is killed while it is rotated: the other
// goes on, and after the next start both say the same, by the first head that is signed.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/front/config/config.ts';
import { rotateLogKey } from '../../../src/front/daemon/rotate-log-key.ts';
import { addSignerKey } from '../../../src/front/signing/init-signer.ts';
import { readHead } from '../../../src/front/signing/remote-keys.ts';
import { readRemoteKeys } from '../../../src/trust/signer/remote/remote-key.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { endOf } from '../../support/dying-child.ts';
import { rotatingHome } from '../../support/rotating-home.ts';
import { callerOf, makeSigner, runSigner } from '../../support/signer-process.ts';

test('a daemon killed at whatever step, and its signer after it, leave one key of the log', async () => {
  const { root, socket } = await makeSigner();
  await addSignerKey(root, undefined, 'log');
  let signer = await runSigner(root);
  const caller = callerOf(socket);
  const logs = async (): Promise<readonly string[]> =>
    (await readRemoteKeys(caller)).keys.slice(1).map(({ use }) => use);
  const { home, open, close } = await rotatingHome(`unix:${socket}`);
  let opened = await open();
  const first = opened.keys.log.key.kid;
  const proofs: string[] = [];
  for (const step of ['signed', 'recorded']) {
    proofs.push(await opened.proof());
    await close();
    expect(await endOf('keys/rotate-and-die.ts', home.root, step, 'log'), step).toBe('SIGKILL');
    // Signed, and in force nowhere.
    expect(await logs(), step).toEqual(['log', 'next']);
    if (step === 'recorded') {
      await signer.close();
      signer = await runSigner(root);
    }
    opened = await open();
    const stands = step === 'recorded';
    const { kid } = opened.keys.log.key;
    expect(kid === first, step).toBe(!stands);
    expect(readConfig(home.config).logKey.kid, step).toBe(kid);
    expect(opened.keys.logHistory, step).toHaveLength(stands ? 2 : 1);
    await opened.receipts.checkpointer.current();
    expect(await logs(), step).toEqual(stands ? ['retired', 'log'] : ['log', 'next']);
    await opened.take(await opened.issue());
    await opened.publish();
    await opened.receipts.audit();
    for (const proof of proofs) await verifyReceipt(proof, await opened.published());
  }
}, 120_000);

test('a signer that ends between its two memories signs the same head later, by the same key', async () => {
  const { root, socket } = await makeSigner();
  await addSignerKey(root, undefined, 'log');
  let signer = await runSigner(root);
  const { open } = await rotatingHome(`unix:${socket}`);
  const opened = await open();
  await opened.receipts.checkpointer.current();
  // What it knows of its keys cannot be written: the head is remembered by then, and the log key signs nothing.
  const obstacle = join(root, 'succession.json.new');
  const { old, kid } = await rotateLogKey(opened, {}, (step) => {
    if (step === 'recorded') mkdirSync(obstacle);
  });
  await expect(opened.receipts.checkpointer.current()).rejects.toMatchObject({
    code: 'unavailable',
  });
  const caller = callerOf(socket);
  const last = readHead(await caller.ask({ ask: 'last' }), opened.keys.origin);
  expect(last.size).toBe(opened.receipts.log.size);
  const signed = last.signatures.map((each) => each.kid);
  for (const each of [old, kid]) expect(signed).not.toContain(each);
  await signer.close();
  rmSync(obstacle, { recursive: true });
  signer = await runSigner(root);
  const { size } = await opened.receipts.checkpointer.current();
  expect(size).toBeGreaterThanOrEqual(last.size);
  await opened.receipts.audit();
}, 60_000);
