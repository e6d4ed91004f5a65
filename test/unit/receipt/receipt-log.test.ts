import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { checkpointTable } from '../../../src/trust/receipt/checkpoint-table.ts';
import type { ReceiptFacts } from '../../../src/trust/receipt/leaf.ts';
import { openingTable } from '../../../src/trust/receipt/openings.ts';
import { hashLeaf, hashNode } from '../../../src/trust/receipt/digest.ts';
import { rootOfLeaves } from '../../../src/trust/receipt/leaf-set.ts';
import { proveGrowth } from '../../../src/trust/receipt/prove-growth.ts';
import { verifyConsistency } from '../../../src/trust/verify/merkle.ts';
import { TileTree } from '../../../src/trust/verify/tile-tree.ts';
import { ReceiptLog } from '../../../src/trust/receipt/receipt-log.ts';
import type { Signer } from '../../../src/trust/signer/signer.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { callFacts, declared, type Fixture, openFixture, random, scratch } from './log-fixture.ts';

async function fill(log: Fixture, count: number): Promise<string[]> {
  const refs = await Promise.all(Array.from({ length: count }, () => log.append()));
  return refs.map(({ id }) => id);
}

async function verifies(log: Fixture, id: string): Promise<void> {
  const keys = await loadKeys([log.keys.jwks]);
  expect(await verifyReceipt(await log.proof(id), keys)).toMatchObject({ id });
}

test('a rolled-back receipt leaves no trace, alone or within a group', async () => {
  const log = await openFixture();
  const [first] = await fill(log, 1);
  const undone = (): Promise<unknown> =>
    log.store.commit((tx) => {
      log.log.append(tx, callFacts());
      log.log.append(tx, callFacts());
      throw new WarderError('limit-reached', 'no');
    });
  await expect(undone()).rejects.toMatchObject({ code: 'limit-reached' });
  const group = await Promise.allSettled([log.append(), undone(), log.append(), undone()]);
  expect(group.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
  ]);
  const last = await log.append();
  expect(last.index).toBe(3);
  for (const id of [first ?? '', last.id]) await verifies(log, id);
  expect(await log.audit()).toMatchObject({ size: 4 });
});

test('a proof is refused for what is not in the log', async () => {
  const log = await openFixture();
  await fill(log, 1);
  await expect(log.checkpointer.covering(1)).rejects.toMatchObject({ code: 'not-found' });
  await expect(log.proof('call_none')).rejects.toMatchObject({ code: 'not-found' });
  const other = (await log.append(callFacts({ tenant: 'other' }))).id;
  await expect(log.proof(other, 'default')).rejects.toMatchObject({ code: 'not-found' });
});

test('the empty log has a checkpoint too', async () => {
  const log = await openFixture();
  expect(await log.audit()).toMatchObject({ size: 0 });
});

test('a log opened again goes on where it was, over tile borders', async () => {
  let log = await openFixture();
  const ids: string[] = [];
  for (const count of [1, 254, 1, 1, 300]) {
    ids.push(...(await fill(log, count)));
    log = await log.reopen();
  }
  expect(await log.audit()).toMatchObject({ size: 557 });
  for (const id of [ids[0], ids[255], ids[256], ids[556]]) await verifies(log, id ?? '');
});

test.each([
  ['a tile', ['tile/0/001']],
  ['a bundle', ['tile/entries/000']],
  ['the checkpoint', ['checkpoint']],
  ['everything', ['tile', 'checkpoint']],
])('%s that is missing is written again', async (_, paths) => {
  let log = await openFixture();
  const [first = ''] = await fill(log, 600);
  await log.checkpointer.current();
  const before = await snapshot(log);
  for (const path of paths) rmSync(join(log.directory, path), { recursive: true });
  log = await log.reopen();
  expect(await snapshot(log)).toEqual(before);
  await verifies(log, first);
});

test.each(['tile/0/001', 'tile/entries/001', 'tile/0/002.p/88', 'checkpoint'])(
  '%s that was cut short is written again',
  async (path) => {
    let log = await openFixture();
    await fill(log, 600);
    await log.checkpointer.current();
    const before = await snapshot(log);
    truncateSync(join(log.directory, path), 100);
    log = await log.reopen();
    expect(await snapshot(log)).toEqual(before);
  },
);

/** A log with more tiles than are kept in memory, the first of them damaged while it runs. */
async function damagedWhileRunning(): Promise<{ log: Fixture; first: string }> {
  let log = await openFixture();
  const [first = ''] = await fill(log, 1);
  await log.store.commit((tx) => {
    for (let at = 0; at < 4_700; at += 1) log.log.append(tx, smallFacts());
  });
  await log.checkpointer.current();
  log = await log.reopen();
  const path = join(log.directory, 'tile/0/000');
  writeFileSync(
    path,
    readFileSync(path).map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
  );
  return { log, first };
}

test('a tile damaged while the log runs never makes a wrong proof', async () => {
  const { log, first } = await damagedWhileRunning();
  await verifies(log, first);
});

test.each([
  ['from a head amid it', 130, []],
  ['of a lease that has its leaf there', 4_600, [100]],
])('nor one that a signer refuses: %s', async (_, lastSize, unproven) => {
  const { log: leaves } = (await damagedWhileRunning()).log;
  const hashAt = (index: number): Uint8Array => hashLeaf(leaves.leaves(index, 1)[0] as Uint8Array);
  const tree = new TileTree(() => {}, hashNode);
  for (let at = 0; at < lastSize; at += 1) tree.push(hashAt(at));
  const head = leaves.head();
  const last = {
    origin: head.origin,
    size: lastSize,
    root: tree.root(),
    epoch: 1,
    signatures: [],
    unproven,
    unprovenHashes: unproven.map(hashAt),
  };
  const { proof, shown } = proveGrowth(leaves, last, head);
  const { size, root } = head;
  verifyConsistency({ earlierSize: last.size, earlierRoot: last.root, size, root, proof });
  expect(shown.leases).toEqual(unproven);
  const placed = unproven.map((index) => ({ index, hash: hashAt(index) }));
  if (placed.length > 0) expect(rootOfLeaves(placed, size, shown.proof)).toEqual(root);
});

function smallFacts(): ReceiptFacts {
  const { id, type, outcome, tenant, time, subject, assurance, jail } = callFacts();
  return { id, type, outcome, tenant, time, subject, assurance, jail };
}

/** Every published file, by path. Partial tiles of earlier checkpoints may be there or not. */
async function snapshot(log: Fixture): Promise<Map<string, string>> {
  const { size } = await log.checkpointer.current();
  const names = readdirSync(log.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/\.p\/\d+$/.test(path) || path.endsWith(`.p/${size % 256}`));
  return new Map(names.toSorted().map((name) => [name, readFileSync(name).toString('base64')]));
}

test('a damaged tile never makes a wrong proof, and the audit reports it', async () => {
  let log = await openFixture();
  const [first = '', second = ''] = await fill(log, 600);
  await log.checkpointer.current();
  const path = join(log.directory, 'tile/0/000');
  const tile = readFileSync(path);
  tile[40] = (tile[40] ?? 0) ^ 1;
  writeFileSync(path, tile);
  await expect(log.audit()).rejects.toMatchObject({ code: 'verification-failed' });
  log = await log.reopen();
  await verifies(log, first);
  await verifies(log, second);
  await log.append();
  await log.checkpointer.current();
  expect(await log.audit()).toMatchObject({ size: 601 });
});

test('a store that lost leaves or holds others does not open over a signed log', async () => {
  const log = await openFixture();
  await fill(log, 3);
  await log.checkpointer.current();
  await log.close();
  const directory = join(log.directory, '..');
  const cut = openMemoryStore(declared);
  await expect(openFixture(cut, directory, log.keys)).rejects.toMatchObject({
    code: 'verification-failed',
  });
  const other = openMemoryStore(declared);
  const forked = new ReceiptLog({ store: other, origin: log.keys.origin, random });
  for (let at = 0; at < 3; at += 1) await other.commit((tx) => forked.append(tx, callFacts()));
  await expect(openFixture(other, directory, log.keys)).rejects.toMatchObject({
    code: 'verification-failed',
  });
});

/** A signer that can be switched off. */
function switched(signer: Signer, off: { now: boolean }): Signer {
  return {
    key: signer.key,
    custody: signer.custody,
    roles: signer.roles,
    sign: (request) =>
      off.now ? Promise.reject(new WarderError('unavailable', 'gone')) : signer.sign(request),
    close: () => signer.close(),
  };
}

test.each(['logKey', 'signingKey'] as const)(
  'without the %s nothing is published; when it is back everything is',
  async (name) => {
    const off = { now: false };
    const base = await openFixture();
    const log = await base.reopen({ [name]: switched(base.keys[name], off) });
    await fill(log, 2);
    const signed = await log.checkpointer.covering(1);
    off.now = true;
    const { id, index } = await log.append();
    await expect(log.checkpointer.covering(index)).rejects.toMatchObject({ code: 'unavailable' });
    expect(log.checkpointer.state()).toMatchObject({ state: 'failing', signedSize: 2 });
    expect(readFileSync(join(log.directory, 'checkpoint'), 'utf8')).toBe(signed.note);
    off.now = false;
    await verifies(log, id);
    expect(log.checkpointer.state()).toMatchObject({ signedSize: 3, failures: 0 });
  },
);

test('a checkpoint signed but not published before a crash is caught up with', async () => {
  const log = await openFixture();
  await fill(log, 2);
  const { note } = await log.checkpointer.current();
  await fill(log, 3);
  const signed = await log.checkpointer.current();
  await log.close();
  // As the crash leaves it: the signers remember five leaves, two are published.
  writeFileSync(join(log.directory, 'checkpoint'), note);
  await log.store.commit((tx) => tx.put(checkpointTable, 'default', 'last', { note }));
  const again = await log.reopen();
  // What they signed is published as they signed it: nobody signs it twice.
  expect(again.checkpointer.published).toMatchObject({ size: 5, note: signed.note });
  const [id = ''] = await fill(again, 1);
  await verifies(again, id);
  expect(await again.audit()).toMatchObject({ size: 6 });
});

test('an erased opening takes nothing from the proof', async () => {
  const log = await openFixture();
  const [id = ''] = await fill(log, 1);
  expect(log.reader.show(id).openings.fields['principal']).toMatchObject({
    value: 'agent:default',
  });
  await log.store.commit((tx) => tx.delete(openingTable, 'default', id));
  expect(log.reader.show(id).openings.fields).toEqual({});
  await verifies(log, id);
  expect(await log.audit()).toMatchObject({ size: 1 });
});

test('who woke it while it signed does not keep it from ending', async () => {
  // Ends by being woken alone, and tells a signal that was aborted before nothing.
  const rest = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const log = await openFixture(openMemoryStore(declared), scratch(), undefined, rest);
  await log.append();
  const first = log.checkpointer.covering(0);
  await new Promise((resolve) => setImmediate(resolve));
  const second = log.checkpointer.covering(0);
  const later = log.append();
  await Promise.all([first, second, later]);
  await log.checkpointer.close();
  expect(log.checkpointer.state()).toMatchObject({ state: 'closed' });
});
