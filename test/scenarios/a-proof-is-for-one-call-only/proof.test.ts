// A proof that fits one call fits no other: not another argument, tool, package, lease, daemon, socket, time
// or nonce; and none fits twice.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { callDigest } from '../../../src/decide/approval/approval.ts';
import { generateHolderKey, type HolderKey } from '../../../src/trust/holder/holder-key.ts';
import { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';

const ARGS = { text: 'hi' };
let front: AgentFront;
let held: HeldLease;
let key: HolderKey;

beforeAll(async () => {
  front = await agentFront();
  key = await generateHolderKey();
  held = await sibling();
});
afterAll(() => front[Symbol.asyncDispose]());

/** Another lease of the same principal, bound to the same key. */
async function sibling(): Promise<HeldLease> {
  const text = await front.issue({ cnf: { jkt: key.jkt } });
  return new HeldLease(text, key, () => front.gate.clock.wall());
}

const zeros = '0'.repeat(64);
const echoed = callDigest('text_echo', ARGS);

test('the proof itself, so that the cases below differ in one thing each', async () => {
  const reply = await front.call(ARGS, { lease: held.text, proof: await front.prove(held, ARGS) });
  expect(reply.answer).toBeDefined();
});

test.each<[string, () => Promise<string>]>([
  ['other arguments', () => front.prove(held, { text: 'ho' })],
  ['another package', () => front.prove(held, ARGS, { call: { tool: zeros, digest: echoed } })],
  ['no call', () => front.prove(held, ARGS, { call: undefined })],
  ['another daemon', () => front.prove(held, ARGS, { audience: 'warder.invalid/log/other' })],
  ['another socket', () => front.prove(held, ARGS, { uri: 'warder://agent/other' })],
  ['another method', () => front.prove(held, ARGS, { method: 'GET' })],
  ['a nonce of nobody', () => front.prove(held, ARGS, { nonce: 'AAAAAAAAAAAAAAAAAAAAAA' })],
  ['another lease of the same key', async () => front.prove(await sibling(), ARGS)],
])('a proof for %s', async (_, made) => {
  const { ran } = front.gate.runner;
  const before = ran.length;
  const { error } = await front.call(ARGS, { lease: held.text, proof: await made() });
  expect(error?.code).toBe('lease-refused');
  expect(ran).toHaveLength(before);
  expect(front.gate.receipts().at(-1)).toMatchObject({ outcome: 'refused' });
});

test('the same proof a second time', async () => {
  const proof = await front.prove(held, ARGS);
  const sent = { lease: held.text, proof };
  const replies = await Promise.all(Array.from({ length: 8 }, () => front.call(ARGS, sent)));
  expect(replies.filter(({ answer }) => answer !== undefined)).toHaveLength(1);
  expect((await front.call(ARGS, sent)).error?.code).toBe('lease-refused');
});

test('a nonce that was given out too long ago', async () => {
  const proof = await front.prove(held, ARGS);
  front.gate.clock.advance(7 * 60_000);
  const { error } = await front.call(ARGS, { lease: held.text, proof });
  expect(error?.code).toBe('lease-refused');
});

test('a refusal for want of a proof says what it has to say, and a look at it costs no receipt', async () => {
  const lease = await front.hold();
  const { error } = await front.call(ARGS, { lease: lease.text });
  const before = front.gate.receipts().length;
  const { challenge } = await front.call(ARGS, { lease: lease.text, challenge: true });
  expect(front.gate.receipts()).toHaveLength(before);
  expect(error?.data).toEqual(challenge);
  expect(challenge).toMatchObject({
    htm: 'POST',
    htu: 'warder://agent/default',
    aud: front.gate.office.origin,
    tool_digest: front.toolDigest,
  });
  const proof = await front.prove(lease, ARGS, { nonce: challenge?.['nonce'] });
  expect((await front.call(ARGS, { lease: lease.text, proof })).answer).toBeDefined();
});

test('a proof of a call that was held lets nobody run it after the yes', async () => {
  await using asking = await agentFront({ grant: { kv: true } });
  const lease = await asking.hold();
  const sent = { lease: lease.text, proof: await asking.prove(lease, ARGS) };
  const { approval = '' } = await asking.call(ARGS, sent);
  await asking.gate.administration.decideApproval('default', approval, { kind: 'yes' });
  expect((await asking.call(ARGS, sent)).error?.code).toBe('lease-refused');
  expect(asking.gate.runner.ran).toEqual([]);
  // The holder runs it, with a proof of its own.
  const fresh = { lease: lease.text, proof: await asking.prove(lease, ARGS) };
  expect((await asking.call(ARGS, fresh)).answer).toBeDefined();
  // And an approval under one lease is none under another.
  const other = await asking.hold();
  const again = { lease: other.text, proof: await asking.prove(other, ARGS) };
  expect((await asking.call(ARGS, again)).error?.code).toBe('approval-required');
});
