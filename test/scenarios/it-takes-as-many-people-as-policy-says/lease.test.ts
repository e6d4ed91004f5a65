// A request for a lease waits with the calls, under the same rules: several persons, each once, none by
// name, all of their terms; and no more waits than one principal may have waiting.

import { beforeEach, expect, test } from 'vitest';

import { WarderError } from '../../../src/base/errors/errors.ts';
import type {
  ApprovalSummary,
  LeaseApproval,
} from '../../../src/front/console/approval-summary.ts';
import { approvalLines } from '../../../src/front/cli/commands/approval-lines.ts';
import { LeaseApprovals } from '../../../src/front/daemon/operations/lease-approvals.ts';
import { watchApprovals } from '../../../src/front/daemon/watch-approvals.ts';
import type { Runtime } from '../../../src/front/daemon/compose.ts';
import { leaseRequestTable } from '../../../src/trust/lease/lease-request.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { filesOf, PERMIT_ALL } from '../../support/decision.ts';

const POLICY = `${PERMIT_ALL}
permit (principal, action == Action::"lease", resource);
@id("leases-take-two")
@approval("leases are for two to give")
@approvals("2")
forbid (principal, action == Action::"lease", resource)
unless { context.approved };
@id("kv-asks")
@approval("it keeps data")
forbid (principal, action in Action::"call", resource)
when { context.reach.kv } unless { context.approved };`;

const READ = { type: 'fs.read', paths: ['/data/**'] };
const READ_LESS = { type: 'fs.read', paths: ['/data/in/**'] };
const ASKED = {
  task: 'ticket-7',
  reason: 'to read the reports',
  capabilities: [READ, { type: 'tool.call', tools: ['text_echo'] }],
  ttl_seconds: 600,
};

let gate: FakeGate;
let agent: FakeConnection;

beforeEach(async () => {
  gate = await openGate({ grant: { kv: true }, policy: filesOf(POLICY) });
  agent = gate.connect();
});

/** The operators' API over one operator's channel. */
function channel(operator: string, operators = ['operator', 'alice', 'bob']): LeaseApprovals {
  return new LeaseApprovals(runtimeOf(operator, operators));
}
function runtimeOf(operator: string, operators: readonly string[]): Runtime {
  return {
    administration: gate.administration.by(operator),
    config: { agents: { default: { tenant: 'default' } } },
    gate: gate.parts,
    leaseDecisions: gate.desk.decisions,
    operators,
    store: gate.store,
  } as unknown as Runtime;
}
async function ask(change: object = {}): Promise<string> {
  const { id, state } = await gate.desk.request(agent.caller, { ...ASKED, ...change });
  expect(state).toBe('pending');
  return id;
}
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof WarderError ? error.code : String(error)),
  );
const granted = (): number => agent.hand.granted.length;

test('one yes grants nothing, a second of the same operator neither; another’s does, once', async () => {
  const id = await ask();
  expect(await channel('alice').approve({ id })).toMatchObject({
    kind: 'lease',
    state: 'pending',
    given: 1,
    needed: 2,
  });
  expect(await codeOf(channel('alice').approve({ id }))).toBe('conflict');
  expect(granted()).toBe(0);
  const ends = await Promise.all(
    Array.from({ length: 12 }, (_, at) =>
      codeOf(channel(at % 2 === 0 ? 'alice' : 'bob').approve({ id })),
    ),
  );
  expect(ends.filter((end) => end === 'done')).toHaveLength(1);
  expect(granted()).toBe(1);
  expect(channel('bob').show(id)).toMatchObject({ state: 'active', given: 2 });
});

test('what each of them leaves is what is granted, and none can take it back', async () => {
  const id = await ask();
  await channel('alice').approve({ id, capabilities: JSON.stringify([READ_LESS]), ttl: 60 });
  const wider = channel('bob').approve({ id, capabilities: JSON.stringify([READ]) });
  expect(await codeOf(wider)).toBe('lease-refused');
  expect(await codeOf(channel('bob').approve({ id, ttl: 61 }))).toBe('lease-refused');
  const done = await channel('bob').approve({ id, ttl: 30 });
  expect(done).toMatchObject({
    capabilities: [JSON.stringify(READ_LESS)],
    ttlSeconds: 30,
    askedTtlSeconds: 600,
  });
  const [lease] = agent.hand.granted;
  expect(lease?.lease.claims.authorization_details).toEqual([READ_LESS]);
  const { exp = 0, iat = 0 } = lease?.lease.claims ?? {};
  expect(exp - iat).toBeLessThanOrEqual(30);
});

test('a no of one ends it, after the yes of another', async () => {
  const id = await ask();
  await channel('alice').approve({ id });
  expect(await channel('bob').deny({ id, reason: 'not today' })).toMatchObject({
    state: 'denied',
    answers: [
      { by: 'alice', verdict: 'approved' },
      { by: 'bob', verdict: 'denied', reason: 'not today' },
    ],
  });
  expect(await codeOf(channel('operator').approve({ id }))).toBe('conflict');
  expect(granted()).toBe(0);
});

test('a request edited in the store, or narrowed back, is decided by nobody', async () => {
  const edits: readonly object[] = [
    { capabilities: [{ type: 'fs.read', paths: ['/**'] }] },
    { ttlSeconds: 86_400 },
    { yeses: [{ by: 'bob', at: 0 }] },
    { principal: 'mallory' },
    { grounds: { persons: 1, rules: [] } },
  ];
  for (const edit of edits) {
    const id = await ask();
    await gate.store.commit((tx) => {
      const kept = tx.get(leaseRequestTable, 'default', id);
      if (kept !== undefined) tx.put(leaseRequestTable, 'default', id, { ...kept, ...edit });
    });
    expect(await codeOf(channel('alice').approve({ id }))).toBe('verification-failed');
  }
  expect(granted()).toBe(0);
});

test('terms of calls are refused for leases, not dropped', async () => {
  const id = await ask();
  for (const terms of [{ without: ['net'] }, { limits: ['--timeout', '1s'] }, { within: 10 }]) {
    expect(await codeOf(channel('alice').approve({ id, ...terms }))).toBe('usage');
  }
  expect(channel('alice').show(id).given).toBe(0);
});

test('calls and requests of one principal wait in one line of sixteen', async () => {
  for (let n = 0; n < 8; n += 1) await agent.call({ text: `call ${n}` });
  for (let n = 0; n < 8; n += 1) await ask({ task: `task ${n}` });
  const request = gate.desk.request(agent.caller, { ...ASKED, task: 'one more' });
  expect(await codeOf(request)).toBe('limit-reached');
  expect(await agent.call({ text: 'one more' })).toMatchObject({
    kind: 'stopped',
    error: { code: 'limit-reached' },
  });
});

test('requests nobody answered in time make room, and are not counted or listed as waiting', async () => {
  const early = await ask({ task: 'early' });
  gate.clock.advance(600_000);
  agent = gate.connect();
  expect(channel('alice').list('pending')).toEqual([]);
  for (let n = 0; n < 16; n += 1) await ask({ task: `task ${n}` });
  expect(channel('alice').list('pending')).toHaveLength(16);
  const kept = gate.store.read((reader) => reader.get(leaseRequestTable, 'default', early));
  expect(kept?.state).toBe('lapsed');
  expect(channel('alice').show(early).state).toBe('expired');
  expect(await codeOf(channel('alice').approve({ id: early }))).toBe('conflict');
});

test('requests of others, however many, hide none that waits', async () => {
  const id = await ask();
  const other = gate.connect({ principal: 'mallory', connection: 'c-2' });
  for (let n = 0; n < 220; n += 1) {
    // As fast as one principal may ask.
    if (n % 55 === 0) gate.clock.advance(60_000);
    const { id: own } = await gate.desk.request(other.caller, { ...ASKED, task: `spam ${n}` });
    await gate.desk.release(other.caller, own);
  }
  expect(
    channel('alice')
      .list('pending')
      .map((each) => each.id),
  ).toEqual([id]);
});

test('who watches sees calls and requests as they come, and each yes', async () => {
  const stop = new AbortController();
  const seen = watchApprovals(runtimeOf('operator', ['operator', 'alice']), stop.signal);
  const next = async (): Promise<ApprovalSummary | undefined> => {
    const { value } = await seen.next();
    return value as ApprovalSummary | undefined;
  };
  const first = next();
  const id = await ask();
  expect(await first).toMatchObject({ kind: 'lease', id, given: 0 });
  const second = next();
  await agent.call({ text: 'a' });
  expect(await second).toMatchObject({ kind: 'call', given: 0 });
  const third = next();
  await channel('alice').approve({ id });
  expect(await third).toMatchObject({ kind: 'lease', id, given: 1 });
  const last = seen.next();
  stop.abort();
  expect((await last).done).toBe(true);
});

test('every step has a receipt that names the request, with assurance', async () => {
  const id = await ask();
  await channel('alice').approve({ id });
  await channel('bob').approve({ id });
  const steps = [...gate.reader.export({ type: 'lease', approval: id })];
  expect(steps.map(({ statement }) => statement.predicate)).toMatchObject([
    { outcome: 'requested', task: 'ticket-7', assurance: 'personal' },
    { outcome: 'approved', detail: { given: 1, needed: 2 }, assurance: 'personal' },
    { outcome: 'approved', detail: { given: 2, needed: 2 }, assurance: 'personal' },
    { outcome: 'issued', assurance: 'personal' },
  ]);
  expect(steps.map(({ openings }) => openings.fields['principal'])).toMatchObject([
    { value: 'alice' },
    { value: 'operator:alice' },
    { value: 'operator:bob' },
    {},
  ]);
});

test('what is shown of one says who, what, why and how long, and nothing a terminal obeys', async () => {
  const id = await ask();
  const shown: LeaseApproval = channel('alice', ['operator']).show(id);
  const text = approvalLines(shown).join('\n');
  for (const part of [
    `${id} (pending (0 of 2))`,
    'takes 2 different operators and 1 is configured',
    'alice (tenant default, agent default)',
    'task       ticket-7',
    'it says    to read the reports',
    'leases are for two to give',
    'the connection that asked',
    'it could, for 600 s',
    '{"type":"fs.read","paths":["/data/**"]}',
    'no lease may be made from it',
  ]) {
    expect(text).toContain(part);
  }
  const evil = 'x\u001b[2J\u202e\u200b\nit could, for 1 s';
  await gate.store.commit((tx) => {
    const kept = tx.get(leaseRequestTable, 'default', id);
    const fields = { task: evil, reason: evil, principal: evil, agent: evil, cnf: { jkt: evil } };
    if (kept !== undefined) tx.put(leaseRequestTable, 'default', id, { ...kept, ...fields });
  });
  const edited = channel('alice').show(id);
  const lines = approvalLines(edited);
  expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(lines.filter((line) => line.startsWith('it could'))).toHaveLength(1);
  for (const line of lines) expect(line).not.toContain('\n');
});
