// A policy that says no by its arguments, by who asks, or by saying nothing at all: the guest is not
// started, no use of the lease is spent, no approval opens the way, and a receipt says so.

import { expect, test } from 'vitest';

import { openGate } from '../../fakes/gate.ts';
import { filesOf, NOW, PERMIT_ALL, starter } from '../../support/decision.ts';

const BY_ARGUMENT = `
@id("no-secrets")
forbid (principal, action == Action::"call:text_echo", resource)
when { context.args has text && context.args.text like "*secret*" };`;
const BY_PRINCIPAL = `
forbid (principal, action in Action::"call", resource)
when { context.principal == "alice" };`;
const LIFTED_BY_NOBODY = `
@id("never")
forbid (principal, action in Action::"call", resource);`;

test.each<[string, readonly string[]]>([
  ['an argument', [PERMIT_ALL, BY_ARGUMENT]],
  ['everything', [PERMIT_ALL, LIFTED_BY_NOBODY]],
  ['by not permitting', ['forbid (principal, action == Action::"admin", resource);']],
  [
    'by failing to be judged',
    [PERMIT_ALL, BY_PRINCIPAL.replace('context.principal', 'context.no')],
  ],
])('%s', async (_, texts) => {
  const gate = await openGate({ policy: filesOf(...texts) });
  const answer = await gate.connect().call({ text: 'a secret' });
  expect(answer).toMatchObject({ kind: 'stopped', error: { code: 'policy-denied' } });
  expect(gate.runner.ran).toEqual([]);
  expect(gate.parts.leases.list(undefined, NOW).map(({ uses }) => uses)).toEqual([0]);
  expect(gate.receipts()).toMatchObject([{ outcome: 'refused', id: answer.receipt.id }]);
  expect(gate.receipts()[0]?.statement.predicate.decision?.effect).toBe('refuse');
});

test('an approval given before the policy said no opens nothing', async () => {
  const gate = await openGate({ grant: { kv: true } });
  const agent = gate.connect();
  const held = await agent.call({ text: 'a secret' });
  const id = held.kind === 'stopped' ? (held.approval ?? '') : '';
  await gate.administration.decideApproval('default', id, { kind: 'yes' });
  const { policy, catalog } = gate.parts;
  const tools = catalog.list('default').flatMap((one) => one.tools);
  policy.use(policy.prepare([...starter(), { name: 'z.cedar', text: BY_ARGUMENT }], tools));
  const answer = await agent.call({ text: 'a secret' });
  expect(answer).toMatchObject({ kind: 'stopped', error: { code: 'policy-denied' } });
  expect(gate.runner.ran).toEqual([]);
  expect(gate.parts.approvals.show('default', id, NOW).state).toBe('approved');
});

test('the control: what the same policy permits runs', async () => {
  const gate = await openGate({ policy: filesOf(PERMIT_ALL, BY_ARGUMENT) });
  expect((await gate.connect().call({ text: 'nothing special' })).kind).toBe('answered');
  expect(gate.runner.ran).toHaveLength(1);
});
