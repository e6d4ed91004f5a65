// What waits for a person, as it is asked for and as it is answered.

import { approvalSummary } from './operations/approval-summary.ts';
import type { ApprovalSummary } from '../console/operations.ts';
import type { Runtime } from './compose.ts';

/** Each that waits, once as it is found and once for each yes that was not the last, until aborted. */
export async function* watchApprovals(
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<ApprovalSummary> {
  const { approvals, now } = runtime.gate;
  const told = new Set<string>();
  let wake = Promise.withResolvers<void>();
  const stop = approvals.onChange(() => wake.resolve());
  signal.addEventListener('abort', () => wake.resolve(), { once: true });
  try {
    while (!signal.aborted) {
      // Armed before it looks: what changes meanwhile is found in the next round.
      wake = Promise.withResolvers<void>();
      for (const approval of approvals.list(undefined, now(), { state: 'pending' })) {
        const step = `${approval.id} ${approval.yeses.length}`;
        if (told.has(step)) continue;
        told.add(step);
        yield approvalSummary(runtime, approval);
      }
      if (!signal.aborted) await wake.promise;
    }
  } finally {
    stop();
  }
}
