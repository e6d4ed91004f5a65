// What an operator says of a call that waits, and the leaf it leaves.

import type { JsonObject } from '../base/encoding/json.ts';
import type { Approval } from '../decide/approval/approval.ts';
import type { ApprovalTerms } from '../decide/policy/approval-terms.ts';
import type { Event } from './administer.ts';

/** What an operator says. */
export type Verdict =
  | { readonly kind: 'yes'; readonly terms?: ApprovalTerms | undefined }
  | { readonly kind: 'no'; readonly reason?: string | undefined };

/** The leaf of what was just decided: which yes of how many, with its terms committed to. */
export function approvalEvent(decided: Approval, verdict: Verdict): Event {
  const { yeses, persons } = decided;
  const terms = verdict.kind === 'yes' ? verdict.terms : undefined;
  return {
    type: 'approval',
    outcome: verdict.kind === 'yes' ? 'approved' : 'denied',
    tenant: decided.tenant,
    subject: { name: 'call', sha256: decided.digest },
    tool: decided.tool,
    approval: decided.id,
    detail: { given: yeses.length, needed: persons, narrowed: terms !== undefined },
    ...(terms === undefined ? {} : { arguments: { terms: { ...terms } as unknown as JsonObject } }),
    ...(verdict.kind === 'yes' || verdict.reason === undefined ? {} : { reason: verdict.reason }),
  };
}
