// Operations on budgets.

import { parseJson } from '../../../base/encoding/parse-json.ts';
import { parseBudget } from '../../../decide/limits/budget.ts';
import type { OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { OPERATOR_TENANT } from './tools.ts';

type BudgetOperations = Pick<OperationHandlers, 'budget.list' | 'budget.set' | 'budget.remove'>;

export function budgetOperations({ administration, gate }: Runtime): BudgetOperations {
  return {
    'budget.list': ({ tenant = OPERATOR_TENANT }) =>
      Promise.resolve({ budgets: gate.budgets.state(tenant, gate.now(), gate.policy.rates) }),
    'budget.set': async ({ budget, tenant = OPERATOR_TENANT }) => {
      const parsed = parseBudget(parseJson(budget));
      await administration.setBudget(tenant, parsed);
      return parsed;
    },
    'budget.remove': ({ name, tenant = OPERATOR_TENANT }) =>
      administration.removeBudget(tenant, name),
  };
}
