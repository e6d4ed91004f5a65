// Who copied the text of a lease bound to a key gets nothing by it, whatever it is sent along as.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateHolderKey } from '../../../src/trust/holder/holder-key.ts';
import { stateKey } from '../../../src/trust/lease/state-key.ts';
import { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';
import { childClaims, forge } from '../../unit/lease/chains.ts';
import { ALL_CAPABILITIES } from '../../support/decision.ts';

const ARGS = { text: 'hi' };
let front: AgentFront;
let held: HeldLease;

async function open(holder: string): Promise<void> {
  const config = { agents: { default: { capabilities: ALL_CAPABILITIES, holder } } };
  front = await agentFront({ config });
  held = await front.hold();
}

beforeEach(() => open('connection'));
afterEach(() => front[Symbol.asyncDispose]());

/** Refused, nothing ran, and a receipt says so. */
async function refused(sending: Promise<{ readonly error?: { readonly code: string } }>) {
  const before = front.gate.receipts().length;
  const { error } = await sending;
  expect(error?.code).toMatch(/^(lease-refused|malformed|verification-failed|not-trusted)$/);
  expect(front.gate.runner.ran).toEqual([]);
  const [last] = front.gate.receipts().slice(-1);
  expect(front.gate.receipts()).toHaveLength(before + 1);
  expect(last).toMatchObject({ outcome: 'refused' });
  expect(last?.statement.predicate.code).toBe(error?.code);
  return error;
}

test('its holder is let in, under the principal of the lease', async () => {
  const proof = await front.prove(held, ARGS);
  const reply = await front.call(ARGS, { lease: held.text, proof });
  expect(reply.answer).toBeDefined();
  const [last] = front.gate.receipts().slice(-1);
  expect(last).toMatchObject({ outcome: 'done', principal: 'bob' });
});

test('as a bearer, even where those are taken', async () => {
  await refused(front.call(ARGS, { lease: held.text }));
  await front[Symbol.asyncDispose]();
  await open('bearer');
  await refused(front.call(ARGS, { lease: held.text }));
  await refused(front.call(ARGS, {}, { lease: held.text }));
});

test('with a proof by another key', async () => {
  const thief = new HeldLease(held.text, await generateHolderKey(), () => front.gate.clock.wall());
  await refused(front.call(ARGS, { lease: held.text, proof: await front.prove(thief, ARGS) }));
});

test('with a child made by another key, down to a key of the thief', async () => {
  const key = await generateHolderKey();
  const parent = await front.issue({ cnf: { jwk: (await generateHolderKey()).jwk }, delMax: 2 });
  const claims = childClaims(parent, key, key);
  const child = await forge(parent, key, claims);
  const thief = new HeldLease(child, key, () => front.gate.clock.wall());
  await refused(front.call(ARGS, { lease: child, proof: await front.prove(thief, ARGS) }));
});

test('where no lease is needed, a lease that is refused is not done without', async () => {
  expect((await front.call(ARGS)).answer).toBeDefined();
  front.gate.runner.ran.length = 0;
  await refused(front.call(ARGS, { lease: held.text }));
});

test('a revoked one is nothing even with its key', async () => {
  const lease = await front.hold();
  const proof = await front.prove(lease, ARGS);
  const key = stateKey(lease.claims.jti);
  await front.gate.administration.revokeLease('default', key, 'seen enough');
  await refused(front.call(ARGS, { lease: lease.text, proof }));
  // No connection is opened with it either, and no tools are listed.
  expect((await front.call(ARGS, {}, { lease: lease.text })).error?.code).toBe('lease-refused');
  const mcp = await front.mcp();
  const list = await mcp.request('tools/list', { _meta: { 'x-lease-token': lease.text } });
  expect(list['error']).toMatchObject({ data: { code: 'lease-refused' } });
});

test('over a socket for holders of keys the agent itself has nothing', async () => {
  await front[Symbol.asyncDispose]();
  await open('dpop');
  await refused(front.call(ARGS));
  const bearer = await front.issue();
  await refused(front.call(ARGS, { lease: bearer }));
  expect(
    (await front.call(ARGS, { lease: held.text, proof: await front.prove(held, ARGS) })).answer,
  ).toBeDefined();
});

test('a bearer lease is taken only where the operator said so, and never a long one', async () => {
  await refused(front.call(ARGS, { lease: await front.issue() }));
  await front[Symbol.asyncDispose]();
  await open('bearer');
  expect((await front.call(ARGS, { lease: await front.issue() })).answer).toBeDefined();
  await expect(front.issue({ ttlSeconds: 301 })).rejects.toMatchObject({ code: 'malformed' });
});
