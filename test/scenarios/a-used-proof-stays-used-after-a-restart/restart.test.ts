// A daemon that was started anew takes neither the proofs it used before nor the nonces it gave out before.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { sequences, tables } from '../../../src/front/daemon/tables.ts';
import { generateHolderKey } from '../../../src/trust/holder/holder-key.ts';
import { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { LeaseReception, proofAddress } from '../../../src/trust/lease/lease-reception.ts';
import { ProofNonces } from '../../../src/trust/lease/proof-nonces.ts';
import { issueRoot, now } from '../../unit/lease/chains.ts';
import { openOffice, origin, type TestOffice } from '../../unit/lease/office.ts';

const CALL = { tool: 'ab'.repeat(32), digest: 'cd'.repeat(32) };
let directory: string;
let office: TestOffice;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'warder-replay-'));
  office = await openOffice(openStore());
});
afterEach(async () => {
  await office.store.close();
  rmSync(directory, { recursive: true, force: true });
});

const openStore = () => openSqliteStore({ path: join(directory, 'state.db'), tables, sequences });
const newNonces = () => new ProofNonces((length) => randomBytes(length));

/** The daemon ends, and another opens what it left; the key that signs leases is the same. */
async function restart(): Promise<void> {
  await office.store.close();
  const { signer, keys } = office;
  office = { ...(await openOffice(openStore())), signer, keys };
}

const reception = (nonces: ProofNonces): LeaseReception =>
  new LeaseReception({
    book: office.book,
    keys: () => office.keys,
    origin,
    nonces,
    monotonic: () => 0,
  });

async function use(nonces: ProofNonces, text: string, proof: string): Promise<void> {
  const at = reception(nonces);
  const brought = { lease: await at.read(text, now), proof, agent: 'default', bearer: false };
  const lease = await at.take(brought, CALL, now);
  await office.store.commit((tx) => office.book.spend(tx, lease, now));
}

async function holder(): Promise<HeldLease> {
  const key = await generateHolderKey();
  return new HeldLease(await issueRoot(office, { cnf: { jkt: key.jkt } }), key, () => now);
}

const proofBy = (held: HeldLease, nonces: ProofNonces): Promise<string> =>
  held.prove({
    method: 'POST',
    uri: proofAddress('default'),
    audience: origin,
    nonce: nonces.current(0),
    call: CALL,
  });

test('a proof that was used, even if its nonce were still taken', async () => {
  const held = await holder();
  const nonces = newNonces();
  const proof = await proofBy(held, nonces);
  await use(nonces, held.text, proof);
  await restart();
  await expect(use(nonces, held.text, proof)).rejects.toMatchObject({
    code: 'lease-refused',
    message: 'the proof was used already',
  });
  await use(nonces, held.text, await proofBy(held, nonces));
});

test('a proof that was never used, by the nonce of the daemon before', async () => {
  const held = await holder();
  const proof = await proofBy(held, newNonces());
  await restart();
  const nonces = newNonces();
  await expect(use(nonces, held.text, proof)).rejects.toMatchObject({
    code: 'lease-refused',
    data: { nonce: nonces.current(0) },
  });
});
