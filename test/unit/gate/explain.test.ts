import { expect, test } from 'vitest';
import { parseNetRule } from '../../../src/catalog/net-rule.ts';
import { explanationLines } from '../../../src/front/cli/commands/explain-lines.ts';
import { explanationParts } from '../../../src/front/daemon/operations/explain.ts';
import { previewToJson } from '../../../src/gate/answer-json.ts';
import { type CallExplanation, explainCall } from '../../../src/gate/explain.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { ECHO } from '../../support/decision.ts';

const request = { tool: ECHO.name, arguments: '{"text":"x"}' };
const explained = (gate: FakeGate, { caller }: FakeConnection): Promise<CallExplanation> =>
  explainCall(gate.parts, caller, request);

const GRANT = {
  allowNet: [parseNetRule('GET https://example.com/**')],
  env: { TOKEN_OF_OLD: 'value' },
  categories: ['web'],
};

test('a call that computes: its grant, its lease and what they leave', async () => {
  const gate = await openGate({ grant: GRANT });
  const capabilities = [{ type: 'tool.call', tools: ['*'] }] as const;
  const found = await explained(gate, gate.connect({ capabilities }));
  expect(found.preview.verdict).toBe('auto_approve');
  expect(found.installation?.grant.allowNet).toHaveLength(1);
  expect(found.lease?.chain).toHaveLength(1);
  // Noted and no reason for anything.
  expect(found.risk).toMatchObject({ verdict: 'none', signals: [{ name: 'first-use' }] });
  // Granted, but not in the lease.
  expect(found.reach).toMatchObject({ allowNet: [], env: GRANT.env });
  expect(found.reach?.expiresAt).toBeGreaterThan(gate.parts.now());
});

test('a call that asks: what a yes would leave, and then what the yes left', async () => {
  const gate = await openGate({ grant: GRANT });
  const agent = gate.connect();
  const asked = await explained(gate, agent);
  expect(asked.preview.verdict).toBe('route_to_approver');
  expect(asked.reach?.allowNet).toHaveLength(1);
  expect(asked.reach?.expiresAt).toBeUndefined();
  expect(asked.approval).toBeUndefined();
  const held = await agent.call({ text: 'x' });
  if (held.kind !== 'stopped' || held.approval === undefined) throw new Error('not held');
  await gate.administration.decideApproval('default', held.approval, {
    kind: 'yes',
    terms: { without: ['net'] },
  });
  const found = await explained(gate, agent);
  expect(found.preview.verdict).toBe('auto_approve');
  expect(found.approval?.id).toBe(held.approval);
  expect(found.reach?.allowNet).toEqual([]);
  // Explaining used nothing up.
  expect((await agent.call({ text: 'x' })).kind).toBe('answered');
});

test('a refused call: as far as it came', async () => {
  const gate = await openGate({ grant: GRANT });
  const agent = gate.connect({ capabilities: [{ type: 'tool.call', tools: ['other'] }] });
  const found = await explained(gate, agent);
  expect(found).toMatchObject({
    preview: { verdict: 'hard_deny' },
    installation: { name: 'text' },
  });
  expect(found.lease).toBeDefined();
  expect(found.reach).toBeUndefined();
  const unknown = await explainCall(gate.parts, agent.caller, { ...request, tool: 'nothing' });
  expect(unknown.installation).toBeUndefined();
});

test('operators see names of secrets and variables, never values', async () => {
  const gate = await openGate({ grant: GRANT });
  const found = await explained(gate, gate.connect());
  const operators = [{ name: 'operator' }] as never;
  const parts = explanationParts({ gate: gate.parts, operators }, found);
  expect(parts.reach).toMatchObject({ net: ['GET https://example.com/**'], env: ['TOKEN_OF_OLD'] });
  const lines = explanationLines({ preview: previewToJson(found.preview), rules: [], ...parts });
  expect(lines.join('\n')).toContain('which a yes would leave');
  expect(lines.join('\n')).toContain('send GET https://example.com/**');
  expect(lines.join('\n')).toContain('{"type":"tool.call","tools":["*"]}');
  expect(JSON.stringify([parts, lines])).not.toContain('value');
});
