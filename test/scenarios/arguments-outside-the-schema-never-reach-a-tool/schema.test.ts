// A broker that checked one argument and passed the others on let every path through the second one.
// Here a call whose arguments break the tool's own schema is refused before lease, policy or guest.

import { expect, test } from 'vitest';

import { openGate } from '../../fakes/gate.ts';
import { NOW, toolWith } from '../../support/decision.ts';

const tool = toolWith({
  type: 'object',
  additionalProperties: false,
  required: ['path'],
  properties: {
    path: { type: 'string', pattern: '^/data/[a-z]+$' },
    count: { type: 'integer', minimum: 1, maximum: 10 },
    mode: { enum: ['read', 'list'] },
    paths: { type: 'array', maxItems: 2, items: { $ref: '#/properties/path' } },
  },
});

test.each([
  ['{}'],
  ['{"path":"/etc/passwd"}'],
  ['{"path":["/data/a"]}'],
  ['{"path":"/data/a","paths":["/data/a","/etc/passwd"]}'],
  ['{"path":"/data/a","paths":["/data/a","/data/b","/data/c"]}'],
  ['{"path":"/data/a","count":0}'],
  ['{"path":"/data/a","count":1.5}'],
  ['{"path":"/data/a","count":"2"}'],
  ['{"path":"/data/a","mode":"write"}'],
  ['{"path":"/data/a","more":true}'],
  ['{"path":"/data/a","__proto__":{"mode":"write"}}'],
  ['{"__proto__":{"path":"/data/a"}}'],
  ['{"path":"/data/a","constructor":1}'],
])('%s', async (args) => {
  const gate = await openGate({ tools: [tool] });
  const agent = gate.connect();
  const answer = await agent.call({}, { arguments: args });
  expect(answer).toMatchObject({ kind: 'stopped', error: { code: 'schema-violation' } });
  expect(gate.runner.ran).toEqual([]);
  expect(gate.parts.leases.list(undefined, NOW)).toEqual([]);
  expect(gate.receipts()).toMatchObject([{ outcome: 'refused', id: answer.receipt.id }]);
});

test('the control: what fits the schema runs', async () => {
  const gate = await openGate({ tools: [tool] });
  const args = '{"path":"/data/a","count":2,"mode":"list","paths":["/data/b"]}';
  expect((await gate.connect().call({}, { arguments: args })).kind).toBe('answered');
  expect(gate.runner.ran).toHaveLength(1);
});
