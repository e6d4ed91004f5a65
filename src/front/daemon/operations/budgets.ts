// Operations on budgets.

import { parseJson } from '../../../base/encoding/parse-json.ts';
import { parseBudget } from '../../../decide/limits/budget.ts';
import type { OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { OPERATOR_TENANT } from './tools.ts';

type BudgetOperations = Pick<OperationHandlers, 'budget.list' | 'budget.set' | 'budget.remove'>;

export function budgetOperations({ administration, gate }: Runtime): BudgetOperations {
  return {
    'budget.list': () =>
      Promise.resolve({ budgets: gate.budgets.state(OPERATOR_TENANT, gate.now()) }),
    'budget.set': async ({ budget }) => {
      const parsed = parseBudget(parseJson(budget));
      await administration.setBudget(OPERATOR_TENANT, parsed);
      return parsed;
    },
    'budget.remove': ({ name }) => administration.removeBudget(OPERATOR_TENANT, name),
  };
}
