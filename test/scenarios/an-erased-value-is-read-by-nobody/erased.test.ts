// Erasure: the value is gone from the store and its files, the receipt and its proof stay as they were.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../fakes/clock.ts';
import { keepHighTime } from '../../../src/base/store/high-time.ts';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { sequences, tables } from '../../../src/front/daemon/tables.ts';
import { approvalTable } from '../../../src/decide/approval/approval.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { answers } from '../../fakes/runner.ts';
import { filesOf, PERMIT_ALL } from '../../support/decision.ts';

const ASKS = `@approval("look first") forbid (principal, action in Action::"call", resource)
  when { context.args has text } when { context.args.text like "ask*" } unless { context.approved };`;
const DAY_MS = 86_400_000;

let home: string;
let gate: FakeGate;
let alice: FakeConnection;
let close: () => Promise<void>;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'warder-erased-'));
  const files = openSqliteStore({ path: join(home, 'state.db'), tables, sequences });
  // As the daemon opens it.
  const { store } = keepHighTime(files, new FakeClock());
  gate = await openGate({ store, policy: filesOf(`@id("all") ${PERMIT_ALL}\n${ASKS}`) });
  alice = gate.connect();
  close = () => files.close();
});
afterAll(async () => {
  await close();
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => {
  gate.runner.behaviour = ({ call }) => answers(`said ${call.arguments['text'] as string}`);
});

/** Files of the home in which the text stands. */
function filesWith(text: string): string[] {
  return readdirSync(home).filter((name) => readFileSync(join(home, name)).includes(text));
}

const idOf = async (text: string, by: FakeConnection = alice): Promise<string> =>
  (await by.call({ text })).receipt.id;

describe('one receipt', () => {
  test('its values are in none of the files, its proof holds, and the log says who erased what', async () => {
    const id = await idOf('needle-one');
    const proof = await gate.proofs.proof(id);
    expect(filesWith('needle-one')).not.toEqual([]);
    const erasure = await gate.receiptDesk.erase({ id, reason: 'the person asked' });
    expect(erasure).toEqual({ receipts: 1, openings: 4, openApprovals: 0, backups: [] });
    expect(filesWith('needle-one')).toEqual([]);
    for (const text of [proof, await gate.proofs.proof(id)]) {
      expect((await verifyReceipt(text, gate.proofs.keys)).id).toBe(id);
    }
    const [said] = gate.reader.list({ type: 'receipt' });
    expect(gate.reader.show(said?.id ?? '')).toMatchObject({
      outcome: 'erased',
      statement: {
        predicate: {
          detail: { receipt: id, fields: ['arguments', 'principal', 'result', 'policy'] },
        },
      },
      openings: { fields: { reason: { value: 'the person asked' } } },
    });
  });

  test('one field alone; erased is told apart from never kept, and cannot be disclosed', async () => {
    const id = await idOf('needle-two');
    await gate.receiptDesk.erase({ id, fields: ['arguments'], reason: 'r' });
    const { fields } = gate.reader.show(id).openings;
    expect(fields['arguments']).toEqual({ erased: expect.any(String) as string });
    expect(fields['result']).toMatchObject({ value: { content: [{ text: 'said needle-two' }] } });
    expect(fields).not.toHaveProperty('reason');
    const refused = gate.receiptDesk.disclose({ id, fields: ['arguments'] });
    await expect(refused).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('was erased') as string,
    });
    const rest = await gate.receiptDesk.disclose({ id });
    expect(Object.keys(rest.openings)).not.toContain('arguments');
    const again = gate.receiptDesk.erase({ id, fields: ['arguments'], reason: 'r' });
    await expect(again).rejects.toMatchObject({ code: 'not-found' });
    const unknown = gate.receiptDesk.erase({ id, fields: ['argument'], reason: 'r' });
    await expect(unknown).rejects.toMatchObject({ code: 'usage' });
  });

  test('nobody finds it by its principal any more', async () => {
    const nora = gate.connect({ principal: 'needle-nora' });
    const id = await idOf('of nora', nora);
    await gate.receiptDesk.erase({ id, fields: ['principal'], reason: 'r' });
    expect(gate.reader.list({ principal: 'needle-nora', type: 'call' })).toEqual([]);
    expect(gate.reader.show(id)).not.toHaveProperty('principal');
  });

  test('the arguments of an approval go, too; one that still waits keeps them and is counted', async () => {
    const held = await alice.call({ text: 'ask needle-three' });
    if (held.kind !== 'stopped' || held.approval === undefined) throw new Error('nobody was asked');
    const { id } = held.receipt;
    const waiting = await gate.receiptDesk.erase({ id, fields: ['arguments'], reason: 'r' });
    expect(waiting.openApprovals).toBe(1);
    expect(filesWith('needle-three')).not.toEqual([]);
    await gate.administration.decideApproval('default', held.approval, { kind: 'no' });
    // What was asked is in the receipt of the decision, too.
    const again = await alice.call({ text: 'ask needle-three' });
    await gate.receiptDesk.erase({ id: again.receipt.id, reason: 'r' });
    expect(gate.store.read((r) => r.get(approvalTable, 'default', held.approval ?? ''))).toBe(
      undefined,
    );
    expect(filesWith('needle-three')).toEqual([]);
  });
});

describe('many receipts', () => {
  test('by age: what is older goes, what is younger stays', async () => {
    const old = await idOf('needle-old');
    gate.clock.advance(90 * DAY_MS);
    const young = await idOf('needle-young', gate.connect());
    const until = gate.clock.wall() - 89 * DAY_MS;
    const { receipts, openings } = await gate.receiptDesk.erase({
      filter: { until },
      reason: 'age',
    });
    expect(receipts).toBeGreaterThan(1);
    expect(openings).toBeGreaterThan(receipts);
    expect(filesWith('needle-old')).toEqual([]);
    expect(filesWith('needle-young')).not.toEqual([]);
    expect(gate.reader.show(young).openings.fields['arguments']).toHaveProperty('value');
    expect((await verifyReceipt(await gate.proofs.proof(old), gate.proofs.keys)).id).toBe(old);
    // Another time there is nothing left to erase, and nothing to say.
    const before = gate.reader.list({ type: 'receipt' }).length;
    expect(await gate.receiptDesk.erase({ filter: { until }, reason: 'age' })).toMatchObject({
      receipts: 0,
    });
    expect(gate.reader.list({ type: 'receipt' })).toHaveLength(before);
  });

  test('by principal, and of one tenant only', async () => {
    const bert = gate.connect({ principal: 'bert' });
    const id = await idOf('needle-bert', bert);
    const foreign = { filter: { principal: 'bert', tenant: 'other' }, reason: 'r' };
    expect((await gate.receiptDesk.erase(foreign)).receipts).toBe(0);
    const named = { id, filter: { tenant: 'other' }, reason: 'r' };
    await expect(gate.receiptDesk.erase(named)).rejects.toMatchObject({ code: 'not-found' });
    expect(filesWith('needle-bert')).not.toEqual([]);
    await gate.receiptDesk.erase({ filter: { principal: 'bert' }, reason: 'r' });
    expect(filesWith('needle-bert')).toEqual([]);
    expect(gate.reader.list({ principal: 'bert' })).toEqual([]);
  });
});
