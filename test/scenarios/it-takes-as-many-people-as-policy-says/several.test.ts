// Where policy asks for two persons, one person is one, however often and over whatever they answer.

import { beforeEach, describe, expect, test } from 'vitest';

import { WarderError } from '../../../src/base/errors/errors.ts';
import { type Approval, approvalTable } from '../../../src/decide/approval/approval.ts';
import type { ApprovalTerms } from '../../../src/decide/policy/approval-terms.ts';
import { checkInput } from '../../../src/front/console/check-input.ts';
import type { Verdict } from '../../../src/gate/approval-event.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { filesOf, PERMIT_ALL } from '../../support/decision.ts';

const asking = (persons: string): string => `@id("asks-${persons}")
@approval("it keeps data")
@approvals("${persons}")
forbid (principal, action in Action::"call", resource)
when { context.reach.kv } unless { context.approved };`;

let gate: FakeGate;
let agent: FakeConnection;

async function open(...persons: readonly string[]): Promise<void> {
  const policy = filesOf(PERMIT_ALL, ...persons.map((count) => asking(count)));
  gate = await openGate({ grant: { kv: true, read: [] }, policy });
  agent = gate.connect();
}
beforeEach(() => open('2'));

async function ask(args: object = { text: 'a' }): Promise<string> {
  const held = await agent.call(args);
  if (held.kind !== 'stopped' || held.approval === undefined) throw new Error('it was not held');
  return held.approval;
}

const answer = (by: string, id: string, verdict: Verdict): Promise<Approval> =>
  gate.administration.by(by).decideApproval('default', id, verdict);
const approve = (by: string, id: string, terms?: ApprovalTerms): Promise<Approval> =>
  answer(by, id, { kind: 'yes', terms });
const stateOf = (id: string): string =>
  gate.parts.approvals.show('default', id, gate.clock.wall()).state;
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof WarderError ? error.code : String(error)),
  );

test('one yes runs nothing; two do, once', async () => {
  const id = await ask();
  expect(await approve('alice', id)).toMatchObject({ state: 'pending' });
  expect(await ask()).toBe(id);
  await agent.call({ text: 'a' }, { approval: id });
  expect(gate.runner.ran).toEqual([]);
  expect(await approve('bob', id)).toMatchObject({ state: 'approved' });
  expect((await agent.call({ text: 'a' })).kind).toBe('answered');
  expect(await ask()).not.toBe(id);
  expect(gate.runner.ran).toHaveLength(1);
});

test('the same operator counts once, whatever terms come with the second yes', async () => {
  const id = await ask();
  await approve('alice', id);
  await expect(approve('alice', id)).rejects.toThrow('`alice` approved');
  expect(await codeOf(approve('alice', id, { without: ['net'] }))).toBe('conflict');
  expect(stateOf(id)).toBe('pending');
  await agent.call({ text: 'a' });
  expect(gate.runner.ran).toEqual([]);
});

test('twelve answers at once of two operators make one approval, and twelve calls one use', async () => {
  const id = await ask();
  const codes = await Promise.all(
    Array.from({ length: 12 }, (_, at) => codeOf(approve(at % 2 === 0 ? 'alice' : 'bob', id))),
  );
  expect(codes.filter((code) => code === 'done')).toHaveLength(2);
  expect(codes.filter((code) => code === 'conflict')).toHaveLength(10);
  const ends = await Promise.all(Array.from({ length: 12 }, () => agent.call({ text: 'a' })));
  expect(ends.filter(({ kind }) => kind === 'answered')).toHaveLength(1);
  expect(gate.runner.ran).toHaveLength(1);
});

test('a no of either ends it, after a yes as well; nobody can turn it', async () => {
  const id = await ask();
  await approve('alice', id);
  await answer('bob', id, { kind: 'no', reason: 'not now' });
  for (const by of ['alice', 'bob', 'carol']) {
    expect(await codeOf(approve(by, id))).toBe('conflict');
  }
  expect(await agent.call({ text: 'a' })).toMatchObject({
    kind: 'stopped',
    error: { message: expect.stringContaining('not now') as string },
  });
  expect(gate.runner.ran).toEqual([]);
});

test('the terms of all of them hold', async () => {
  const id = await ask();
  await approve('alice', id, { limits: { outputBytes: 4096 } });
  await approve('bob', id, { without: ['kv'], limits: { outputBytes: 8192 } });
  let seen: unknown;
  const { behaviour } = gate.runner;
  gate.runner.behaviour = (guest) => {
    seen = guest.permit.terms;
    return behaviour(guest);
  };
  await agent.call({ text: 'a' });
  expect(seen).toMatchObject({ kv: false, limits: { outputBytes: 4096 } });
});

test('a yes that was to be used at once does not wait for the second', async () => {
  const id = await ask();
  await approve('alice', id, { withinSeconds: 10 });
  gate.clock.advance(10_000);
  expect(await codeOf(approve('bob', id))).toBe('conflict');
  expect(stateOf(id)).toBe('expired');
});

test('the highest of the policies that ask counts', async () => {
  await open('1', '3', '2');
  const id = await ask();
  await approve('alice', id);
  expect(await approve('bob', id)).toMatchObject({ state: 'pending' });
  expect(await approve('carol', id)).toMatchObject({ state: 'approved' });
});

/** Puts a policy in force that asks for so many. */
function take(persons: string): void {
  const { policy, catalog } = gate.parts;
  const tools = catalog.list('default').flatMap((installation) => installation.tools);
  policy.use(policy.prepare(filesOf(PERMIT_ALL, asking(persons)), tools));
}

describe('when policy is raised from one to two', () => {
  beforeEach(() => open('1'));
  const raise = (): void => {
    // Ids are in the order of time: what is older is found first.
    gate.clock.advance(1000);
    take('2');
  };

  test('what one person approved before asks again, and takes two', async () => {
    const first = await ask();
    await approve('alice', first);
    raise();
    const second = await ask();
    expect(second).not.toBe(first);
    await approve('alice', second);
    await agent.call({ text: 'a' });
    await agent.call({ text: 'a' }, { approval: first });
    expect(gate.runner.ran).toEqual([]);
    await approve('bob', second);
    expect((await agent.call({ text: 'a' })).kind).toBe('answered');
  });

  test('what waits for one is asked anew', async () => {
    const first = await ask();
    raise();
    const second = await ask();
    expect(second).not.toBe(first);
    expect(await codeOf(approve('alice', first))).toBe('conflict');
  });
});

test('who answers is not said in the request: the API knows no such member', () => {
  for (const member of ['by', 'operator', 'as', 'name', 'persons']) {
    const body = { id: 'appr_1', [member]: 'bob' };
    expect(() => checkInput('approvals.approve', body)).toThrow(`unknown member \`${member}\``);
    expect(() => checkInput('approvals.deny', body)).toThrow(`unknown member \`${member}\``);
  }
});

test('a second yes written into the store is none', async () => {
  const id = await ask();
  await approve('alice', id);
  for (const state of ['pending', 'approved'] as const) {
    await gate.store.commit((tx) => {
      const kept = tx.get(approvalTable, 'default', id);
      if (kept === undefined) throw new Error('gone');
      const yeses = [...kept.yeses.slice(0, 1), { by: 'bob', at: 0 }];
      tx.put(approvalTable, 'default', id, { ...kept, state, yeses });
    });
    await agent.call({ text: 'a' });
    await agent.call({ text: 'a' }, { approval: id });
  }
  expect(gate.runner.ran).toEqual([]);
});

test('one that waits is not approved by writing that it is', async () => {
  const id = await ask();
  await approve('alice', id);
  await gate.store.commit((tx) => {
    const kept = tx.get(approvalTable, 'default', id);
    if (kept === undefined) throw new Error('gone');
    const written: Approval = { ...kept, state: 'approved' };
    tx.put(approvalTable, 'default', id, written);
  });
  await agent.call({ text: 'a' });
  // Not even when one person would suffice by now: this one was asked of two.
  take('1');
  await agent.call({ text: 'a' });
  expect(gate.runner.ran).toEqual([]);
});

test('fewer persons written into the store are none the fewer', async () => {
  const id = await ask();
  await approve('alice', id);
  await gate.store.commit((tx) => {
    const kept = tx.get(approvalTable, 'default', id);
    if (kept !== undefined) tx.put(approvalTable, 'default', id, { ...kept, persons: 1 });
  });
  expect(await codeOf(approve('bob', id))).toBe('verification-failed');
  await agent.call({ text: 'a' });
  expect(gate.runner.ran).toEqual([]);
});

test('every answer has a receipt that says who, and which of how many', async () => {
  const id = await ask();
  await approve('alice', id);
  await approve('operator', id);
  const second = await ask({ text: 'b' });
  await answer('bob', second, { kind: 'no' });
  const asking = gate.receipts().map(({ statement }) => statement.predicate);
  expect(asking).toMatchObject([
    { approval: id, outcome: 'approval-required', detail: { needed: 2 }, assurance: 'personal' },
    { approval: second, outcome: 'approval-required', detail: { needed: 2 } },
  ]);
  const receipts = [...gate.reader.export({ type: 'approval' })];
  expect(receipts.map(({ statement }) => statement.predicate)).toMatchObject([
    { approval: id, outcome: 'approved', detail: { given: 1, needed: 2 }, assurance: 'personal' },
    { approval: id, outcome: 'approved', detail: { given: 2, needed: 2 }, assurance: 'personal' },
    { approval: second, outcome: 'denied', detail: { given: 0, needed: 2 } },
  ]);
  expect(receipts.map(({ openings }) => openings.fields['principal'])).toMatchObject([
    { value: 'operator:alice' },
    { value: 'operator' },
    { value: 'operator:bob' },
  ]);
});
