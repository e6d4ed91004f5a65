// Somebody puts an older copy of the home in its place: leaves that were signed are gone. The signer's memory is
// not in the home, so that nothing is signed until an operator says so; the new log names the head of the old.

import { cpSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/front/config/config.ts';
import { beginNewLog } from '../../../src/front/daemon/new-log.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { verifyLog } from '../../../src/trust/verify/log.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { bundlePath, tilePath } from '../../../src/trust/verify/tiles.ts';
import { endOf } from '../../support/dying-child.ts';
import { type RotatingHome, rotatingHome } from '../../support/rotating-home.ts';

const lost = { code: 'verification-failed', hint: expect.stringContaining('new-log') as string };

interface RolledBack extends RotatingHome {
  /** Of the lost leaves and of those that are still there. */
  readonly proofs: readonly string[];
  readonly jwks: string;
  readonly lease: string;
  readonly head: { readonly size: number; readonly origin: string };
}

/** A home that was put back to a copy made before its last leaves were signed. */
async function rolledBack(): Promise<RolledBack> {
  const at = await rotatingHome();
  const { home, open, close } = at;
  let opened = await open();
  const proofs = [await opened.proof()];
  await opened.publish();
  await close();
  cpSync(home.root, `${home.root}.copy`, { recursive: true });
  opened = await open();
  const lease = await opened.issue();
  await opened.take(lease);
  proofs.push(await opened.proof());
  await opened.publish();
  const jwks = readFileSync(join(home.public, 'jwks.json'), 'utf8');
  const { size, origin } = await opened.receipts.checkpointer.current();
  await close();
  rmSync(home.root, { recursive: true });
  cpSync(`${home.root}.copy`, home.root, { recursive: true });
  return { ...at, proofs, jwks, lease, head: { size, origin } };
}

const begin = ({ home }: RotatingHome): ReturnType<typeof beginNewLog> =>
  beginNewLog(home, { reason: 'restored the copy of Monday', now: Date.now() });

test('nothing is signed after a rollback, and by an operator another log begins', async () => {
  const at = await rolledBack();
  const { home, open, close, head, proofs, jwks, lease } = at;
  await expect(open()).rejects.toMatchObject(lost);
  await expect(open()).rejects.toMatchObject(lost);
  await expect(beginNewLog(home, { reason: ' \n', now: 0 })).rejects.toMatchObject({
    code: 'usage',
  });

  const begun = await begin(at);
  expect(begun).toMatchObject({
    epoch: 2,
    origin: `${head.origin}/2`,
    before: head,
    forked: false,
  });
  expect(begun.lost).toBeGreaterThan(0);
  expect(begun.kept + begun.lost).toBe(head.size);

  const opened = await open();
  expect(readConfig(home.config).log.origin).toBe(begun.origin);
  const audit = await opened.receipts.audit();
  expect(audit).toMatchObject({
    origin: begun.origin,
    follows: { ...begun.before, lost: begun.lost, reason: 'restored the copy of Monday' },
  });
  // Uses of a lease may be lost with the leaves: none goes on.
  await expect(opened.take(lease)).rejects.toMatchObject({ code: 'lease-refused' });
  await opened.take(await opened.issue());
  expect((await opened.lists.latest('default')).seq).toBe(1);
  await opened.publish();
  await verifyReceipt(await opened.proof(), await opened.published());
  await opened.operations['keys.rotate']({});
  await opened.take(await opened.issue());
  await opened.receipts.audit();

  // What was given out of the old log holds under the keys of then, and under those of now it is another's.
  for (const proof of proofs) {
    await verifyReceipt(proof, await loadKeys([jwks]));
    await expect(verifyReceipt(proof, await opened.published())).rejects.toMatchObject({
      code: 'not-trusted',
    });
  }
  await close();
  await expect(begin(at)).rejects.toMatchObject({ code: 'conflict' });
  await (await open()).receipts.audit();
}, 60_000);

test('the name of a log that has ended is not given to another', async () => {
  const at = await rolledBack();
  const { home, open, close } = at;
  const copyOf = (from: string, to: string): void => {
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
  };
  const oldest = `${home.root}.oldest`;
  copyOf(home.root, oldest);
  // Leaves are lost again: the second log ends as the first did.
  expect((await begin(at)).epoch).toBe(2);
  await (await open()).proof();
  await close();
  copyOf(home.root, `${home.root}.second`);
  const second = await open();
  await second.issue();
  await second.proof();
  await close();
  copyOf(`${home.root}.second`, home.root);
  expect((await begin(at)).epoch).toBe(3);
  await (await open()).proof();
  await close();
  copyOf(oldest, home.root);
  expect((await begin(at)).epoch).toBe(4);
}, 60_000);

test('a lease that is lost with no head over it ends a log as well', async () => {
  const at = await rotatingHome();
  const { home, open, close } = at;
  await (await open()).proof();
  await close();
  const { memory } = readConfig(home.config).log;
  cpSync(home.root, `${home.root}.copy`, { recursive: true });
  cpSync(memory, `${memory}.copy`);
  await (await open()).issue();
  await close();
  rmSync(home.root, { recursive: true });
  cpSync(`${home.root}.copy`, home.root, { recursive: true });
  // As the power went: the lease was remembered and signed, and no head since.
  cpSync(`${memory}.copy`, memory);
  await expect(open()).rejects.toMatchObject(lost);
  expect(await begin(at)).toMatchObject({ epoch: 2, lost: 1, forked: false });
  expect(await (await open()).receipts.audit()).toMatchObject({ follows: { epoch: 2, lost: 1 } });
}, 60_000);

test('the archive has every leaf and opening there was, and verifies', async () => {
  const at = await rolledBack();
  const { kept, archive } = await begin(at);
  const directory = join(archive, 'log');
  const verified = await verifyLog(
    {
      bundle: (index, width) => readFile(join(directory, bundlePath(index, width))),
      tile: (level, index, width) => readFile(join(directory, tilePath(level, index, width))),
    },
    readFileSync(join(directory, 'checkpoint'), 'utf8'),
    await loadKeys([readFileSync(join(archive, 'jwks.json'), 'utf8')]),
  );
  expect(verified).toMatchObject({ size: kept, origin: at.head.origin });
  const db = new DatabaseSync(join(archive, 'state.db'), { readOnly: true });
  const count = (table: string): unknown =>
    db.prepare(`SELECT count(*) AS n FROM "${table}"`).get()?.['n'];
  expect(count('s_leaf')).toBe(kept);
  expect(count('t_opening')).toBeGreaterThan(0);
  db.close();
  const fresh = new DatabaseSync(at.home.state, { readOnly: true });
  expect(fresh.prepare('SELECT count(*) AS n FROM "s_leaf"').get()?.['n']).toBe(1);
  fresh.close();
}, 60_000);

test('killed at whatever step, there is the old log that opens for nobody or the new one, whole', async () => {
  const at = await rolledBack();
  const { home, open, close } = at;
  const before = `${home.root}.before`;
  const state = join(home.root, '..', 'state');
  cpSync(home.root, before, { recursive: true });
  cpSync(state, `${state}.before`, { recursive: true });
  for (const step of ['remembered', 'prepared', 'begun']) {
    expect(await endOf('receipt/new-log-and-die.ts', home.root, step), step).toBe('SIGKILL');
    if (step !== 'begun') {
      await expect(open(), step).rejects.toMatchObject(lost);
      expect((await begin(at)).epoch, step).toBe(2);
    }
    const opened = await open();
    expect(await opened.receipts.audit(), step).toMatchObject({ follows: { epoch: 2 } });
    await opened.take(await opened.issue());
    await close();
    expect(readConfig(home.config).log.origin, step).toBe(`${at.head.origin}/2`);
    for (const [there, kept] of [
      [home.root, before],
      [state, `${state}.before`],
    ] as const) {
      rmSync(there, { recursive: true });
      cpSync(kept, there, { recursive: true });
    }
  }
}, 120_000);

test('a rollback to before the new log is none to it, and a lost memory begins no second first log', async () => {
  const at = await rolledBack();
  const { home, open, close } = at;
  const before = `${home.root}.before`;
  cpSync(home.root, before, { recursive: true });
  await begin(at);
  await (await open()).issue();
  await close();
  rmSync(home.root, { recursive: true });
  cpSync(before, home.root, { recursive: true });
  // The memory of the first log has ended: nothing is signed for it, whatever copy comes back.
  await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
  const begun = await begin(at);
  expect(begun).toMatchObject({ epoch: 3, before: at.head });
  expect(await (await open()).receipts.audit()).toMatchObject({ follows: { epoch: 3 } });
  await close();
  // Without any memory the home's own note is all there is to name.
  const memories = join(home.root, '..', 'state', 'warder-signer');
  for (const name of readdirSync(memories)) rmSync(join(memories, name));
  await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await begin(at)).toMatchObject({ epoch: 4, before: { origin: begun.origin }, lost: 0 });
  await (await open()).receipts.audit();
}, 60_000);
