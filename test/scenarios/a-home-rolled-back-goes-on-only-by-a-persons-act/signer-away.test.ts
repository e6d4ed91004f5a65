// An old copy of a home is put back and served while its signer process is away: nobody can say that leaves are
// missing. When the signer is back nothing of the other history is signed, not even a lease: its leaf would stand
// between the signer and every head of the true log. With the true store both go on as if nothing had been.

import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { beginNewLog } from '../../../src/front/daemon/new-log.ts';
import { rotatingHome } from '../../support/rotating-home.ts';
import { makeSigner, runSigner, scratchDirectory } from '../../support/signer-process.ts';

/** A failure stands for half a second. */
const WAIT = { timeout: 10_000, interval: 100 };

test('a log that was rolled back while nobody could say so gets no lease signed', async () => {
  const { root, socket } = await makeSigner();
  const signer = await runSigner(root);
  const { home, open, close } = await rotatingHome(`unix:${socket}`);
  const copies = scratchDirectory();
  const keep = (name: string): void => cpSync(home.root, join(copies, name), { recursive: true });
  const putBack = (name: string): void => {
    rmSync(home.root, { recursive: true });
    cpSync(join(copies, name), home.root, { recursive: true });
  };

  let daemon = await open();
  await daemon.issue();
  await daemon.receipts.checkpointer.current();
  await close();
  keep('old');
  daemon = await open();
  for (let more = 0; more < 3; more += 1) {
    await daemon.administration.daemonEvent('started', { version: 'test' });
  }
  await daemon.receipts.checkpointer.current();
  await close();
  keep('true');
  await signer.close();

  putBack('old');
  daemon = await open({ note: () => {} });
  await expect(daemon.issue()).rejects.toMatchObject({ code: 'unavailable' });
  await runSigner(root);
  await vi.waitFor(
    () => expect(daemon.issue()).rejects.toMatchObject({ code: 'verification-failed' }),
    WAIT,
  );
  await expect(daemon.lists.latest('default')).rejects.toMatchObject({
    code: 'verification-failed',
  });
  await expect(daemon.receipts.checkpointer.current()).rejects.toThrow(
    /not the one that was signed/,
  );
  await close();

  putBack('true');
  daemon = await open();
  await daemon.take(await daemon.issue());
  // A head that no lease of the other history is missing in.
  expect((await daemon.receipts.audit()).size).toBe(daemon.gate.log.size);
}, 60_000);

test('nor one that lost the leaf of a lease before any head, with another leaf in its place by then', async () => {
  const { root, socket } = await makeSigner();
  const signer = await runSigner(root);
  const { home, open, close } = await rotatingHome(`unix:${socket}`);
  const copies = scratchDirectory();
  let daemon = await open();
  await daemon.receipts.checkpointer.current();
  await close();
  cpSync(home.root, join(copies, 'old'), { recursive: true });
  daemon = await open();
  await daemon.receipts.checkpointer.still(async () => {
    await daemon.issue();
    await signer.close();
  });
  await close();
  cpSync(home.root, join(copies, 'true'), { recursive: true });

  rmSync(home.root, { recursive: true });
  cpSync(join(copies, 'old'), home.root, { recursive: true });
  daemon = await open({ note: () => {} });
  for (let more = 0; more < 3; more += 1) {
    await daemon.administration.daemonEvent('started', { version: 'test' });
  }
  await runSigner(root);
  await vi.waitFor(
    () => expect(daemon.issue()).rejects.toMatchObject({ code: 'verification-failed' }),
    WAIT,
  );
  await close();
  // Nor is it served once its signer is there; its operators may give it up.
  await expect(open()).rejects.toMatchObject({ code: 'verification-failed' });
  const begun = beginNewLog(home, { reason: 'the copy of Monday', now: Date.now() });
  await expect(begun).rejects.toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('signer new-log') as string,
  });

  rmSync(home.root, { recursive: true });
  cpSync(join(copies, 'true'), home.root, { recursive: true });
  daemon = await open();
  await daemon.take(await daemon.issue());
  expect((await daemon.receipts.audit()).size).toBe(daemon.gate.log.size);
}, 60_000);
