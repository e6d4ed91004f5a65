import { expect, it } from 'vitest';
import { costOf } from '../../../../src/decide/limits/cost.ts';

const prices = [
  { tool: 'fetch', currency: 'EUR', amount: 5 },
  { tool: 'pay', currency: 'EUR', pointer: '/order/a~1b' },
];

it('an operation costs what the operator says, or what the named argument does', () => {
  expect(costOf(prices, 'fetch', {})).toEqual({ currency: 'EUR', amount: 5 });
  expect(costOf(prices, 'pay', { order: { 'a/b': 30 } })).toEqual({ currency: 'EUR', amount: 30 });
  expect(costOf(prices, 'other', {})).toBeUndefined();
});

it.each([-1, 0.5, '5', null, Number.NaN, 2 ** 53, [5]])(
  'a call that says it costs %j is refused',
  (amount) => {
    expect(() => costOf(prices, 'pay', { order: { 'a/b': amount as never } })).toThrow(
      'whole number',
    );
  },
);

it('an amount that is missing, or inherited, is refused', () => {
  expect(() => costOf(prices, 'pay', {})).toThrow('whole number');
  const inherited = [{ tool: 'pay', currency: 'EUR', pointer: '/constructor/length' }];
  expect(() => costOf(inherited, 'pay', {})).toThrow('whole number');
});
