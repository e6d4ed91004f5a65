// A lease that was asked for is revoked, or given back, while a tool runs under it: its next host call is denied.

import { expect, test } from 'vitest';
import { answers } from '../../fakes/runner.ts';
import { filesOf, PERMIT_ALL } from '../../support/decision.ts';
import { ASKING, FREE, openDesk } from '../../support/lease-desk.ts';

const ALL = `${PERMIT_ALL} permit (principal, action == Action::"lease", resource);`;

test.each([
  ['revoked by an operator', 'revoke'],
  ['given back by its agent', 'release'],
  ['released with its connection', 'close'],
] as const)('%s', async (_, way) => {
  const { gate, alice } = await openDesk({ grant: { kv: true }, policy: filesOf(ALL) });
  const { id } = await gate.desk.request(alice.caller, FREE);
  const { lease = '' } = gate.desk.decisions.show('default', id);
  const asked: unknown[] = [];
  gate.runner.behaviour = async ({ ask }) => {
    asked.push(await ask({ op: 'kv-list', prefix: '' }));
    if (way === 'revoke') await gate.administration.revokeLease('default', lease, 'enough');
    if (way === 'release') await gate.desk.release(alice.caller, id);
    if (way === 'close') await alice.hand.release(gate.clock.wall());
    asked.push(await ask({ op: 'kv-list', prefix: '' }));
    return answers('done');
  };
  await alice.call({ text: 'x' });
  expect(asked).toMatchObject([{ ok: true }, { ok: false, code: 'denied' }]);
});

test('a call made afterwards runs under it no more', async () => {
  const { gate, alice } = await openDesk();
  const { id } = await gate.desk.request(alice.caller, ASKING);
  const { digest: seen } = gate.desk.decisions.show('default', id);
  const { lease = '' } = await gate.desk.decisions.approve('default', id, { seen, by: 'operator' });
  expect(alice.hand.covers('text_write')).toBe(true);
  await gate.administration.revokeLease('default', lease, 'enough');
  expect(alice.hand.covers('text_write')).toBe(false);
  const write = { tool: 'text_write', arguments: '{}' };
  expect(await gate.door.call(alice.caller, write)).toMatchObject({ kind: 'stopped' });
  expect(await gate.desk.poll(alice.caller, id)).toMatchObject({
    state: 'revoked',
    reason: 'enough',
  });
});
