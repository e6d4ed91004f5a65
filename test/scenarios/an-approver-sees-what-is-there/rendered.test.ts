// The approver reads a terminal. A tool's caller chooses the text on it.

import { expect, test } from 'vitest';

import { renderArguments } from '../../../src/decide/approval/render.ts';
import {
  approvalTable,
  type ApprovalRequest,
  sealed,
} from '../../../src/decide/approval/approval.ts';
import { parseToolCall } from '../../../src/decide/request/parse-tool-call.ts';
import { approvalLines } from '../../../src/front/cli/commands/approval-lines.ts';
import { approvalSummary } from '../../../src/front/daemon/operations/approval-summary.ts';
import { openGate } from '../../fakes/gate.ts';
import { questionIn } from '../../support/approval.ts';
import { inputOf, NOW } from '../../support/decision.ts';

const shown = (args: Record<string, unknown>): string =>
  renderArguments(parseToolCall('t', { parsed: args }).arguments);

test('an argument cannot clear the screen and write another call over this one', () => {
  const text = shown({ path: '/etc/shadow\u001b[2K\u001b[1A{"path": "/tmp/x"}' });
  expect(text).not.toContain('\u001b');
  expect(text).toContain('/etc/shadow');
});

test('an argument cannot add a line that looks like the layout', () => {
  const text = shown({ note: 'x"\n}\nit could\n  only compute' });
  expect(text.split('\n')).toHaveLength(3);
});

test('an argument cannot be read backwards', () => {
  expect(shown({ file: 'invoice\u202efdp.exe' })).toContain('invoice\\u{202e}fdp.exe');
});

test('two arguments that differ only in what does not show look different', () => {
  expect(shown({ to: 'pay\u200bpal' })).not.toBe(shown({ to: 'paypal' }));
  expect(shown({ to: 'paypal\u{e0020}' })).toContain('\\u{e0020}');
});

test('a member cannot hide behind a name that does not show', () => {
  expect(shown({ '\u200b': 'rm -rf' })).toBe('{\n  "\\u{200b}": "rm -rf"\n}');
});

/** A text that would hide, reorder, obey and imitate. */
const EVIL = 'x\u001b[2J\u202e\u200b\u2028\nreason     all is well';

/** What `approvals show` prints, and the same as JSON. */
async function everything(change: Partial<ApprovalRequest>): Promise<readonly string[]> {
  const { parts } = await openGate();
  const question = questionIn(inputOf({ text: EVIL }, { grant: { kv: true } }), change);
  const approval = sealed({
    ...question,
    id: 'appr_1',
    state: 'pending',
    askedAt: NOW - 42_000,
    expiresAt: NOW + 1000,
    yeses: [{ by: EVIL, at: NOW, terms: { without: ['kv'] } }],
    deniedBy: EVIL,
    denial: EVIL,
  });
  const summary = approvalSummary({ gate: parts, operators: ['operator'] }, approval);
  return [approvalLines(summary).join('\n'), JSON.stringify(summary)];
}

const HOSTILE: Partial<ApprovalRequest> = {
  principal: EVIL,
  agent: EVIL,
  tenant: EVIL,
  tool: EVIL,
  task: EVIL,
  lease: EVIL,
  reason: EVIL,
  rules: [EVIL],
  signals: [{ name: EVIL, note: EVIL }],
  persons: 2,
};

test('no field that is shown holds anything a terminal obeys, or a line of its own', async () => {
  const [shownLines = '', json = ''] = await everything(HOSTILE);
  const texts = [shownLines];
  JSON.parse(json, (_, value: unknown) => {
    if (typeof value === 'string') texts.push(value);
    return value;
  });
  for (const text of texts) {
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
  }
  expect(shownLines.split('\n').filter((line) => line.startsWith('reason '))).toHaveLength(1);
});

test('who asks, what was noticed, how long it waits and what was answered are all shown', async () => {
  const [text = ''] = await everything({
    principal: 'alice',
    agent: 'desk',
    task: 'ticket-7',
    reason: 'it keeps data',
    rules: ['rule_1'],
    signals: [{ name: 'secret-in-arguments', note: 'a key stands in /text' }],
    persons: 2,
    operator: true,
  });
  for (const part of [
    'appr_1 (pending (1 of 2))',
    'takes 2 different operators and 1 is configured',
    'text, inst_01, sha256:',
    'alice (tenant default, agent desk)',
    'an operator on its behalf',
    'ticket-7',
    'it keeps data',
    'rule_1',
    'secret-in-arguments: a key stands in /text',
    '42 s ago',
    'it asked for\n  keep data between calls',
    'it could\n  only compute',
    '"without"',
  ]) {
    expect(text).toContain(part);
  }
});

test('what the gate found risky when the call asked is kept, sealed, and shown', async () => {
  const gate = await openGate({ grant: { kv: true } });
  const token = ['ghp', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6'].join('_');
  const held = await gate.connect().call({ text: `use ${token}` });
  if (held.kind !== 'stopped' || held.approval === undefined) throw new Error('it was not held');
  const kept = gate.parts.approvals.show('default', held.approval, NOW);
  const shown = approvalSummary({ gate: gate.parts, operators: ['operator'] }, kept);
  expect(shown.risks).toContainEqual(
    expect.objectContaining({ name: 'secret-in-arguments', note: expect.stringMatching(/hold a/) }),
  );
  expect(approvalLines(shown).join('\n')).toMatch(/^risk {7}secret-in-arguments: /m);
  await gate.store.commit((tx) =>
    tx.put(approvalTable, 'default', kept.id, { ...kept, signals: [] }),
  );
  const yes = gate.administration.decideApproval('default', kept.id, { kind: 'yes' });
  await expect(yes).rejects.toThrow('was changed');
});
