// 9007199254740993 and 9007199254740992 are one number to JavaScript and two to others: a cap on an
// amount must never be judged on one and carried out on the other.

import { expect, test } from 'vitest';

import { parseToolCall } from '../../../src/decide/request/parse-tool-call.ts';
import { holderOf, inputOf, PERMIT_ALL } from '../../support/decision.ts';

const CAP =
  'forbid (principal, action, resource) when { context.args has count && context.args.count > 9007199254740990 };';

test.each([
  '9007199254740993',
  '9007199254740992',
  '-9007199254740993',
  '1e16',
  '18446744073709551617',
  '9007199254740993.0',
])('%s is not even parsed', (number) => {
  const text = `{"count":${number}}`;
  expect(() => parseToolCall('text_echo', text)).toThrow('an integer beyond 2^53');
  const parsed = JSON.parse(text) as unknown;
  expect(() => parseToolCall('text_echo', { parsed })).toThrow('an integer beyond 2^53');
});

test('past the parser, policy refuses it rather than judge it', async () => {
  const holder = await holderOf(PERMIT_ALL, CAP);
  for (const count of [2 ** 53, -(2 ** 53), 2 ** 63, 2 ** 64, 0.5, Number.NaN, Infinity]) {
    const call = { ...inputOf({}).call, arguments: { count } };
    expect(holder.decide(inputOf({}, { call })).kind).toBe('refused');
  }
});

test('up to there it is judged exactly', async () => {
  const holder = await holderOf(PERMIT_ALL, CAP);
  expect(holder.decide(inputOf({ count: 9007199254740990 })).kind).toBe('permit');
  expect(holder.decide(inputOf({ count: 9007199254740991 })).kind).toBe('refused');
});
