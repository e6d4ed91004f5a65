// A person who allows less than was asked has allowed less, whatever the tool tries and whoever writes to
// the store afterwards.

import { beforeEach, expect, test } from 'vitest';

import { type Approval, approvalTable, sealed } from '../../../src/decide/approval/approval.ts';
import { type GivenTerms, parseTerms } from '../../../src/decide/policy/approval-terms.ts';
import type { PermitTerms } from '../../../src/decide/policy/permit.ts';
import type { HostReply } from '../../../src/run/sandbox/host-calls.ts';
import { fakeEgress } from '../../fakes/egress.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { answers } from '../../fakes/runner.ts';
import { NOW } from '../../support/decision.ts';
import { netRule } from '../../support/reach-permit.ts';

const A = 'GET https://a.example.com/**';
let gate: FakeGate;
let agent: FakeConnection;
let permits: PermitTerms[];
let replies: HostReply[];

beforeEach(async () => {
  gate = await openGate({
    grant: { kv: true, allowNet: [netRule(A), netRule('POST https://a.example.com/**')] },
    egress: fakeEgress(() => Promise.reject(new TypeError('nothing may be fetched'))),
  });
  agent = gate.connect();
  permits = [];
  replies = [];
  gate.runner.behaviour = async ({ permit, ask }) => {
    permits.push(permit.terms);
    replies.push(await ask({ op: 'kv-set', key: 'k', value: new Uint8Array(1) }));
    return answers('done');
  };
});

async function ask(args = { text: 'a' }): Promise<string> {
  const held = await agent.call(args);
  if (held.kind !== 'stopped' || held.approval === undefined) throw new Error('it was not held');
  return held.approval;
}

const approve = (id: string, terms: GivenTerms): Promise<Approval> =>
  gate.administration.decideApproval('default', id, { kind: 'yes', terms: parseTerms(terms) });

test('what was withheld is refused by the host, in the middle of the call', async () => {
  await approve(await ask(), { without: ['kv', 'net'] });
  expect((await agent.call({ text: 'a' })).kind).toBe('answered');
  expect(permits).toMatchObject([{ kv: false, allowNet: [] }]);
  expect(replies).toMatchObject([{ ok: false, code: 'denied' }]);
});

test('capabilities leave what lies in both', async () => {
  const capabilities = [
    { type: 'http.call', methods: ['*'], origins: ['*'], paths: ['/v1/**', '/'] },
  ];
  await approve(await ask(), { capabilities, limits: ['--max-net', '10KiB'] });
  await agent.call({ text: 'a' });
  const [permit] = permits;
  expect(new Set(permit?.allowNet.map(({ path }) => path))).toEqual(new Set(['/v1/**', '/']));
  expect(permit?.limits.netBytes).toBe(10_240);
  expect(permit?.kv).toBe(true);
});

test('it is used within its time or not at all', async () => {
  const id = await ask();
  expect((await approve(id, { withinSeconds: 60 })).expiresAt).toBe(NOW + 60_000);
  gate.clock.advance(60_000);
  expect(await agent.call({ text: 'a' })).toMatchObject({ kind: 'stopped' });
  expect(permits).toEqual([]);
});

test('terms of one call are not those of the next: it asks again', async () => {
  await approve(await ask(), { without: ['kv'] });
  await agent.call({ text: 'a' });
  expect(await agent.call({ text: 'a' })).toMatchObject({ kind: 'stopped' });
  expect(permits).toHaveLength(1);
});

test.each<[string, (kept: Approval) => Approval]>([
  ['taken away', (kept) => ({ ...kept, yeses: kept.yeses.map(({ by, at }) => ({ by, at })) })],
  [
    'widened',
    (kept) => ({ ...kept, yeses: kept.yeses.map((yes) => ({ ...yes, terms: { without: [] } })) }),
  ],
  ['said by another', (kept) => ({ ...kept, yeses: kept.yeses.map((y) => ({ ...y, by: 'eve' })) })],
  ['made to last', (kept) => ({ ...kept, expiresAt: NOW + 86_400_000 })],
  [
    'over another reach, sealed again',
    (kept) => sealed({ ...kept, reach: { ...kept.reach, allowNet: [] } }),
  ],
])('terms that were %s in the store void the yes', async (_, edit) => {
  const id = await ask();
  await approve(id, { without: ['kv'] });
  await gate.store.commit((tx) => {
    const kept = tx.get(approvalTable, 'default', id);
    if (kept === undefined) throw new Error('gone');
    tx.put(approvalTable, 'default', id, edit(kept));
  });
  expect(await agent.call({ text: 'a' })).toMatchObject({ kind: 'stopped' });
  expect(permits).toEqual([]);
});

test('a call that could reach more since is not the one that was approved', async () => {
  const narrow = gate.connect({
    capabilities: [{ type: 'tool.call', tools: ['*'] }],
    agent: 'default',
  });
  const held = await narrow.call({ text: 'a' });
  if (held.kind !== 'stopped' || held.approval === undefined) throw new Error('it was not held');
  await approve(held.approval, {});
  // The same agent and principal, under a lease that may use the network.
  expect(await agent.call({ text: 'a' })).toMatchObject({ kind: 'stopped' });
  expect(permits).toEqual([]);
  expect((await narrow.call({ text: 'a' })).kind).toBe('answered');
  expect(permits).toMatchObject([{ allowNet: [], kv: true }]);
});

test('the receipt of the yes commits to its terms', async () => {
  const id = await ask();
  await approve(id, { without: ['net'], withinSeconds: 30 });
  const [receipt] = [...gate.reader.export({ type: 'approval' })];
  expect(receipt?.statement.predicate).toMatchObject({
    approval: id,
    outcome: 'approved',
    assurance: 'personal',
    detail: { given: 1, needed: 1, narrowed: true },
  });
  expect(receipt?.openings.fields).toMatchObject({
    arguments: { value: { terms: { without: ['net'], withinSeconds: 30 } } },
  });
});
