// Two packages share one budget by their category. Many calls at once, to both, cannot use more than it
// holds, and a package outside the category has nothing to do with it.

import { expect, test } from 'vitest';
import { parseBudget } from '../../../src/decide/limits/budget.ts';
import { openGate } from '../../fakes/gate.ts';
import { ECHO, installed, NOW } from '../../support/decision.ts';

const budget = (change: object) =>
  parseBudget({ name: 'b', measure: 'calls', limit: 5, period: 'day', scope: {}, ...change });

async function openShop() {
  const gate = await openGate({ grant: { categories: ['payments', 'web'] } });
  const other = (name: string, categories: readonly string[]) =>
    gate.install({
      ...installed({ categories }, [{ ...ECHO, name }]),
      id: `inst_${name}`,
      name: name.replace('_', '-'),
    });
  await other('second_pay', ['payments']);
  await other('third_text', []);
  const agents = [gate.connect({ agent: 'one' }), gate.connect({ agent: 'two' })];
  const storm = async (tool: string): Promise<number> => {
    const answers = await Promise.all(
      agents.flatMap((agent) =>
        Array.from({ length: 8 }, (_, at) => agent.call({ text: String(at) }, { tool })),
      ),
    );
    return answers.filter(({ kind }) => kind === 'answered').length;
  };
  return { gate, storm };
}

test('one amount for the whole category', async () => {
  const { gate, storm } = await openShop();
  await gate.administration.setBudget('default', budget({ scope: { category: 'payments' } }));
  const [first, second, outside] = await Promise.all([
    storm(ECHO.name),
    storm('second_pay'),
    storm('third_text'),
  ]);
  expect(first + second).toBe(5);
  expect(outside).toBe(16);
  expect(gate.parts.budgets.state('default', NOW)[0]?.uses).toMatchObject([{ taken: 5 }]);
});

test('an amount for each category, and a call takes from all its package is in', async () => {
  const { gate, storm } = await openShop();
  await gate.administration.setBudget('default', budget({ each: ['category'] }));
  expect(await storm(ECHO.name)).toBe(5);
  expect(await storm('second_pay')).toBe(0);
  expect(await storm('third_text')).toBe(5);
  const uses = gate.parts.budgets.state('default', NOW).flatMap((each) => each.uses);
  expect(Object.fromEntries(uses.map(({ who, taken }) => [who['category'], taken]))).toEqual({
    payments: 5,
    web: 5,
    '': 5,
  });
});

test('a package moved into the category is counted from its next call on', async () => {
  const { gate, storm } = await openShop();
  await gate.administration.setBudget('default', budget({ scope: { category: 'payments' } }));
  const third = gate.parts.catalog.show('default', 'third-text');
  await gate.administration.changeGrant('default', third, {
    ...third.grant,
    categories: ['payments'],
  });
  expect(await storm('third_text')).toBe(5);
  expect(await storm(ECHO.name)).toBe(0);
});
