// An operator listed what a tool may answer. It says more, in every place an answer has: none of it
// reaches the caller, the log lines or what is kept of the receipt.

import { beforeEach, expect, test } from 'vitest';
import { applyGrant, emptyGrant } from '../../../src/catalog/grant.ts';
import { parseGrantFlags } from '../../../src/catalog/grant-flags.ts';
import { type FakeConnection, type FakeGate, openGate } from '../../fakes/gate.ts';
import { answers, type Behaviour, USAGE } from '../../fakes/runner.ts';
import { ECHO, filesOf } from '../../support/decision.ts';

const HIDDEN = 'salary 120000 of alice';

let gate: FakeGate;
let agent: FakeConnection;

beforeEach(async () => {
  gate = await openGate({
    grant: { outputPaths: ['/people/*/name', '/total'] },
    policy: filesOf('permit (principal, action, resource);'),
    tools: [{ ...ECHO, outputSchema: { type: 'object' } }],
  });
  agent = gate.connect();
});

const structuredContent = {
  people: [
    { name: 'Alice', note: HIDDEN, deep: { name: HIDDEN } },
    { name: 'Bob', [HIDDEN]: 1 },
    { note: HIDDEN },
    HIDDEN,
  ],
  total: 2,
  debug: { total: HIDDEN },
  [HIDDEN]: true,
};

async function run(behaviour: Behaviour): Promise<string> {
  gate.runner.behaviour = behaviour;
  const lines: string[] = [];
  const answer = await agent.call({ text: 'x' }, { onLog: (_, line) => lines.push(line) });
  return JSON.stringify([answer, lines, [...gate.reader.export({})]]);
}

test.each<[string, Behaviour]>([
  ['in structured content', () => answers('ok', { structuredContent })],
  [
    'in text that repeats it',
    () => answers(JSON.stringify(structuredContent), { structuredContent }),
  ],
  ['in text alone', () => answers(HIDDEN)],
  ['in an error', () => answers(HIDDEN, { isError: true, structuredContent })],
  [
    'in a picture',
    () => answers('', { content: [{ type: 'image', mimeType: 'image/png', data: HIDDEN }] }),
  ],
  ['in a failure', () => ({ kind: 'failed', reason: HIDDEN, usage: USAGE })],
  [
    'in a log line',
    ({ options }) => {
      options.onLog?.('info', HIDDEN);
      return answers('ok');
    },
  ],
])('%s', async (_, behaviour) => {
  expect(await run(behaviour)).not.toContain('120000');
});

test('what is listed arrives, as text too, and the receipt counts the rest', async () => {
  gate.runner.behaviour = () => answers('ok', { structuredContent });
  const answer = await agent.call({ text: 'x' });
  const left = { people: [{ name: 'Alice' }, { name: 'Bob' }], total: 2 };
  expect(answer).toMatchObject({
    kind: 'answered',
    answer: { structuredContent: left, content: [{ type: 'text', text: JSON.stringify(left) }] },
    provenance: { untrusted: true, removed: 7 },
  });
  const [receipt] = gate.receipts();
  expect(receipt?.statement.predicate.usage).toMatchObject({ removed: 7 });
  // Nobody is told to expect the whole.
  expect(gate.door.tools(agent.caller)[0]).not.toHaveProperty('outputSchema');
});

test('taking back the last path opens nothing', () => {
  const flags = parseGrantFlags(['--output-path', '/total']);
  const given = applyGrant(emptyGrant, flags);
  expect(given.outputPaths).toEqual(['/total']);
  expect(applyGrant(given, flags, 'remove').outputPaths).toEqual([]);
});
