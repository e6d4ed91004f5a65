// In a predecessor a wider or longer request did not match the rule that wanted a person's yes, and
// another rule allowed it. Here asking is a forbid: no permit, however wide, takes it away.

import { expect, test } from 'vitest';

import { PolicyHolder } from '../../../src/decide/policy/policy-holder.ts';
import { inputOf, PERMIT_ALL, starter } from '../../support/decision.ts';

const DATA = { host: '/srv', guest: '/data' };
const NET = {
  methods: ['*'],
  scheme: 'https',
  host: '*',
  port: 443,
  path: '/**',
} as const;

test.each([
  ['kept data', { kv: true }],
  ['kept data and files', { kv: true, write: [DATA] }],
  ['everything', { kv: true, write: [DATA], read: [DATA], allowNet: [NET] }],
  ['everything, with a denial', { kv: true, allowNet: [NET], denyNet: [NET] }],
])('a call that reaches %s asks, whatever else is permitted', async (_, grant) => {
  const wide = {
    name: '00-wide.cedar',
    text: `${PERMIT_ALL} permit (principal, action, resource) when { context.reach.kv || context.operator || context.approved };`,
  };
  const holder = await PolicyHolder.open([wide, ...starter()]);
  for (const operator of [false, true]) {
    expect(holder.decide(inputOf({}, { grant, operator })).kind).toBe('approval-required');
  }
});
