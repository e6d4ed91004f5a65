import { expect, test } from 'vitest';

import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import { ECHO, filesOf, inputOf, PERMIT_ALL, starter } from '../../support/decision.ts';

test.each([
  ['half a file', 'permit (principal, action, resource'],
  ['bytes of something else', '\u0000asm\u0001'],
  [
    'a deeply nested condition',
    `permit (principal, action, resource) when { ${'('.repeat(50_000)}true${')'.repeat(50_000)} };`,
  ],
  [
    'a misspelled tool',
    `${PERMIT_ALL} forbid (principal, action == Action::"call:text_ehco", resource);`,
  ],
  [
    'a misspelled attribute',
    `${PERMIT_ALL} forbid (principal, action, resource) when { context.aproved };`,
  ],
])('%s is refused, and the next call is judged as before', async (_, text) => {
  const holder = await PolicyHolder.open(starter());
  const { digest } = holder;
  const asking = inputOf({}, { grant: { kv: true } });
  expect(() => holder.prepare(filesOf(text), [ECHO])).toThrow('the policy is not sound');
  expect(holder.digest).toBe(digest);
  expect(holder.decide(asking).kind).toBe('approval-required');
  expect(holder.decide(inputOf({ text: 'x' })).kind).toBe('permit');
});
