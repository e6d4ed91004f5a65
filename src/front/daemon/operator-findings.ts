// What `doctor` says of those who decide: whether there are enough, and what telling them apart is worth.

import type { Assurance } from '../../trust/receipt/leaf.ts';
import type { Finding } from '../console/operations.ts';

/** @param needed the most different operators that a policy in force takes. */
export function operatorFindings(
  operators: readonly string[],
  needed: number,
  assurance: Assurance,
): readonly Finding[] {
  const names = operators.join(', ');
  if (needed > operators.length) {
    return [
      {
        subject: 'operators',
        state: 'problem',
        text: `policies take ${needed} different operators, and there are ${operators.length}: ${names}`,
        remedy: 'add to `operators` in config.json and restart the daemon',
      },
    ];
  }
  if (operators.length === 1) return [];
  return assurance === 'personal'
    ? [
        {
          subject: 'operators',
          state: 'note',
          text: `${names}: any program of this user can answer as each of them`,
          remedy: 'two persons are worth two from `separated` on, see docs/threat-model.md',
        },
      ]
    : [{ subject: 'operators', state: 'ok', text: names }];
}
