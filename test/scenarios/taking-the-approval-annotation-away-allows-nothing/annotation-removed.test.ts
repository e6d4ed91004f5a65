// Approval is a forbid with an annotation. Whoever loses the annotation is left with the forbid.

import { expect, test } from 'vitest';

import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import { filesOf, holderOf, inputOf, PERMIT_ALL, starter } from '../../support/decision.ts';

const input = inputOf({}, { grant: { kv: true } });
const approval = { id: 'appr_1', digest: input.call.digest, persons: 1, terms: [] };

test('without @approval the starter refuses what it asked about, approved or not', async () => {
  const stripped = starter().map(({ name, text }) => ({
    name,
    text: text.replace(/@approval\("[^"]*"\)/g, ''),
  }));
  const holder = await PolicyHolder.open(stripped);
  expect(holder.decide(input).kind).toBe('refused');
  expect(holder.decide({ ...input, approval }).kind).toBe('refused');
});

test.each(['@approved("x")', '@Approval("x")', '@approval_("x")'])(
  'misspelled as %s it refuses, and the check says so',
  async (annotation) => {
    const text = `${annotation} forbid (principal, action, resource) when { context.reach.kv } unless { context.approved };`;
    const holder = await holderOf(PERMIT_ALL, text);
    expect(holder.decide(input).kind).toBe('refused');
    expect(holder.decide({ ...input, approval }).kind).toBe('refused');
    expect(holder.check([]).warnings.join()).toContain('means nothing here');
  },
);

test('on a permit it is refused before it is in force', async () => {
  const holder = await PolicyHolder.open(starter());
  const draft = filesOf(`@approval("x") ${PERMIT_ALL}`);
  expect(() => holder.prepare(draft, [])).toThrow('belongs on a `forbid`');
});

test('an edited file changes nothing until it is put in force', async () => {
  const files = starter();
  const holder = await PolicyHolder.open(files);
  Object.assign(files[1] ?? {}, { text: '' });
  expect(holder.decide(input).kind).toBe('approval-required');
  expect(holder.files[1]?.text).toContain('@approval');
});
