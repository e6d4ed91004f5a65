// A tool answers with the text that a pattern of the operator is slowest on. Backtracking would take years,
// and matching again and again from every match minutes; here the steps are bounded, and what goes beyond
// them is masked whole.

import { expect, test } from 'vitest';
import { Redaction } from '../../../src/gate/firewall/redaction.ts';
import { openGate } from '../../fakes/gate.ts';
import { answers, USAGE } from '../../fakes/runner.ts';
import { filesOf } from '../../support/decision.ts';

const policy = filesOf('permit (principal, action, resource);');
const redact = [
  { name: 'catastrophe', pattern: '(?:a+)+b' },
  { name: 'greedy', pattern: '#.*;|#' },
  { name: 'card', pattern: '\\b[0-9]{4}(?:[ -]?[0-9]{4}){3}\\b' },
];

test('exponential in a backtracking matcher: harmless', async () => {
  const gate = await openGate({ policy, firewall: { redact } });
  gate.runner.behaviour = () => answers('a'.repeat(200_000));
  const answer = await gate.connect().call({ text: 'x' });
  expect(answer).toMatchObject({ kind: 'answered', provenance: { untrusted: true } });
  // The arguments are matched against the same patterns.
  expect((await gate.connect().call({ text: 'a'.repeat(60_000) })).kind).toBe('answered');
});

test('quadratic in any matcher: masked whole beyond the bound', () => {
  const run = new Redaction(redact).begin();
  const masked = run.text('#'.repeat(1 << 20));
  expect(masked).not.toContain('#');
  expect(masked.endsWith('[not looked through]')).toBe(true);
  // The bound is for all of an answer.
  expect(run.text('# and more')).toBe('[not looked through]');
});

test('answer, error and log line are masked, and counted', async () => {
  const card = '4111 1111 1111 1111';
  const gate = await openGate({ policy, firewall: { redact } });
  const lines: string[] = [];
  gate.runner.behaviour = ({ options }) => {
    options.onLog?.('info', `paid with ${card}`);
    return answers(`card ${card}`, {
      structuredContent: { card: 4_111_111_111_111_111, a: [card] },
    });
  };
  const answer = await gate.connect().call({ text: 'q' }, { onLog: (_, line) => lines.push(line) });
  expect(answer).toMatchObject({
    answer: {
      content: [{ text: 'card [card]' }],
      structuredContent: { card: null, a: ['[card]'] },
    },
    provenance: { masked: 4 },
  });
  expect(lines).toEqual(['paid with [card]']);
  const kept = JSON.stringify([...gate.reader.export({})]);
  expect(kept).not.toContain('4111');
  expect(gate.receipts()[0]?.statement.predicate.usage).toMatchObject({ masked: 4 });

  gate.runner.behaviour = () => ({
    kind: 'failed',
    reason: `no such card: ${card}`,
    usage: USAGE,
  });
  const failed = await gate.connect().call({ text: 'q' });
  expect(failed).toMatchObject({ kind: 'stopped', error: { message: 'no such card: [card]' } });
});

test('an answer larger than any may be is not given at all', async () => {
  const gate = await openGate({ policy, firewall: { maxOutputBytes: 4 } });
  gate.runner.behaviour = () => answers('hello');
  expect(await gate.connect().call({ text: 'q' })).toMatchObject({
    kind: 'stopped',
    error: { code: 'tool-limit' },
  });
});
