// Trust that was taken away does not outlive its removal: not on an open connection, not for the same
// call asked again, whose answer might have been remembered.

import { expect, test } from 'vitest';
import { parseTrustEntry } from '../../../src/decide/trust/trust-entry.ts';
import { vouch, withdrawTrust } from '../../../src/gate/vouch.ts';
import { openGate } from '../../fakes/gate.ts';
import { filesOf, NOW, PERMIT_ALL } from '../../support/decision.ts';

test('the next call of an open connection is refused', async () => {
  const policy = filesOf(
    PERMIT_ALL,
    'forbid (principal, action in Action::"call", resource) when { context.trust.level < 50 };',
  );
  const gate = await openGate({ policy });
  const entry = parseTrustEntry({ principal: 'alice', level: 50 }, NOW);
  await vouch(gate.administration, 'default', entry);
  const agent = gate.connect({ principal: 'alice' });
  expect((await agent.call({ text: 'x' })).kind).toBe('answered');
  expect((await agent.call({ text: 'x' })).kind).toBe('answered');
  await withdrawTrust(gate.administration, 'default', 'alice');
  expect(await agent.call({ text: 'x' })).toMatchObject({
    kind: 'stopped',
    error: { code: 'policy-denied' },
  });
  expect(gate.runner.ran).toHaveLength(2);
  const changes = [...gate.reader.export({ type: 'policy' })];
  expect(changes).toHaveLength(2);
  await expect(withdrawTrust(gate.administration, 'default', 'alice')).rejects.toMatchObject({
    code: 'not-found',
  });
});
