// The attack, often by mistake: a member nobody reads, a list without values or a rule that says nothing
// looks like protection and is none.

import { expect, test } from 'vitest';

import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import { ECHO, inputOf } from '../../support/decision.ts';

const OPEN = { name: '1.cedar', text: 'permit (principal, action in Action::"call", resource);' };
const DENY = '"name": "no-echo", "effect": "deny"';
const good = { name: '2.rules.json', text: `{"rules": [{${DENY}, "tools": ["text_echo"]}]}` };

test.each([
  ['a misspelt selector', `{"rules": [{${DENY}, "tool": ["text_echo"]}]}`],
  ['a limit in another unit', `{"rules": [{${DENY}, "maxDurationMS": 1000}]}`],
  ['an empty list of tools', `{"rules": [{${DENY}, "tools": []}]}`],
  ['an empty list of rules', '{"rules": []}'],
  ['a misspelt list of rules', `{"rulez": [{${DENY}}]}`],
  ['a ceiling of nothing', '{"rules": [{"name": "a", "effect": "allow", "ceiling": []}]}'],
  ['an exception of nothing', `{"rules": [{${DENY}, "unless": {}}]}`],
  ['a member twice', `{"rules": [{${DENY}, "effect": "allow"}]}`],
  ['a bound where it bounds nothing', `{"rules": [{${DENY}, "ceiling": [{"type": "kv"}]}]}`],
  ['a tool that is not there', `{"rules": [{${DENY}, "tools": ["text_ehco"]}]}`],
  ['an unknown zone', `{"rules": [{${DENY}, "when": {"days": ["monday"], "zone": "CETT"}}]}`],
  ['half a file', `{"rules": [{${DENY}, "tools": ["text_echo"`],
])('%s is refused with its line, and the rules in force stay', async (_, text) => {
  const holder = await PolicyHolder.open([OPEN, good]);
  const { digest } = holder;
  const draft = [OPEN, { name: '2.rules.json', text }];
  expect(() => holder.prepare(draft, [ECHO])).toThrow('2.rules.json:1: ');
  expect(holder.digest).toBe(digest);
  expect(holder.decide(inputOf({ text: 'x' })).kind).toBe('refused');
});

test('the same rule, well written, is taken', async () => {
  const holder = await PolicyHolder.open([OPEN]);
  expect(holder.decide(inputOf({ text: 'x' })).kind).toBe('permit');
  holder.use(holder.prepare([OPEN, good], [ECHO]));
  expect(holder.decide(inputOf({ text: 'x' })).kind).toBe('refused');
});
