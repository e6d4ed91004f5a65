// What waits for a person, as it is asked for and as it is answered.

import { approvalSummary } from './operations/approval-summary.ts';
import { LeaseApprovals } from './operations/lease-approvals.ts';
import type { ApprovalSummary } from '../console/approval-summary.ts';
import type { Runtime } from './compose.ts';

/** Each that waits, once as it is found and once for each yes that was not the last, until aborted. */
export async function* watchApprovals(
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<ApprovalSummary> {
  const { approvals, now } = runtime.gate;
  const leases = new LeaseApprovals(runtime);
  let told: ReadonlySet<string> = new Set();
  let wake = Promise.withResolvers<void>();
  const stop = approvals.onChange(() => wake.resolve());
  signal.addEventListener('abort', () => wake.resolve(), { once: true });
  try {
    while (!signal.aborted) {
      // Armed before it looks: what changes meanwhile is found in the next round.
      wake = Promise.withResolvers<void>();
      const calls = approvals.list(undefined, now(), { state: 'pending' });
      const waiting = [
        ...calls.map((approval) => approvalSummary(runtime, approval)),
        ...leases.list('pending'),
      ];
      const before = told;
      told = new Set(waiting.map(stepOf));
      for (const summary of waiting) if (!before.has(stepOf(summary))) yield summary;
      if (!signal.aborted) await wake.promise;
    }
  } finally {
    stop();
  }
}

/** What is told once. */
function stepOf({ id, given }: ApprovalSummary): string {
  return `${id} ${given}`;
}
