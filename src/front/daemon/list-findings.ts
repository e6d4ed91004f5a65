// What `warder doctor` says of revocation lists.

import type { Finding } from '../console/operations.ts';
import type { Runtime } from './compose.ts';

/** One finding per tenant whose list is behind, or one that all are as they should be. */
export function listFindings({ lists, gate }: Runtime): readonly Finding[] {
  const second = gate.clock.wall() / 1000;
  const behind = lists.states().flatMap(({ tenant, current, problem }): readonly Finding[] => {
    const out = current === undefined || second >= current.nextUpdate;
    if (problem === undefined && !out) return [];
    const state =
      current === undefined
        ? 'there is none yet'
        : `list ${current.seq} ${out ? 'ran out' : 'runs out'} at ${new Date(current.nextUpdate * 1000).toISOString()}`;
    const why = problem === undefined ? '' : `: ${problem.message}`;
    return [
      {
        subject: 'revocations',
        state: problem === undefined ? 'note' : 'problem',
        text: `tenant ${tenant}: ${state}${why}`,
        remedy: problem?.hint ?? 'it is signed in a moment; look again',
      },
    ];
  });
  if (behind.length > 0) return behind;
  const text = `a current list of each of ${lists.tenants.length} tenants`;
  return [{ subject: 'revocations', state: 'ok', text }];
}
