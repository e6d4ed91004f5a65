// Operations on what waits for a person.

import { parseJson } from '../../../base/encoding/parse-json.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Approval, ApprovalState } from '../../../decide/approval/approval.ts';
import { parseTerms } from '../../../decide/policy/approval-terms.ts';
import type { Operations, OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { approvalSummary } from './approval-summary.ts';
import { OPERATOR_TENANT } from './tools.ts';

type ApprovalOperations = Pick<
  OperationHandlers,
  'approvals.list' | 'approvals.show' | 'approvals.approve' | 'approvals.deny'
>;

const STATES: readonly string[] = ['pending', 'approved', 'denied', 'consumed', 'expired'];

export function approvalOperations(runtime: Runtime): ApprovalOperations {
  const { gate, administration } = runtime;
  const { approvals } = gate;
  // When it is nowhere, the book's own error says so.
  const tenantOf = (id: string): string => approvals.tenantOf(id) ?? OPERATOR_TENANT;
  const summary = (approval: Approval) => approvalSummary(runtime, approval);
  return {
    'approvals.list': ({ state }) => {
      if (state !== undefined && !STATES.includes(state)) {
        throw new WarderError('usage', `there is no approval state \`${state}\``, {
          hint: `one of ${STATES.join(', ')}`,
        });
      }
      const filter = state === undefined ? {} : { state: state as ApprovalState };
      const rows = approvals.list(undefined, gate.now(), filter);
      return Promise.resolve({ approvals: rows.map(summary) });
    },
    'approvals.show': ({ id }) =>
      Promise.resolve(summary(approvals.show(tenantOf(id), id, gate.now()))),
    'approvals.approve': async (input) => {
      const terms = termsOf(input);
      const { id } = input;
      return summary(await administration.decideApproval(tenantOf(id), id, { kind: 'yes', terms }));
    },
    'approvals.deny': async ({ id, reason }) =>
      summary(await administration.decideApproval(tenantOf(id), id, { kind: 'no', reason })),
  };
}

function termsOf(input: Operations['approvals.approve']['input']): ReturnType<typeof parseTerms> {
  const { capabilities, without, limits, within } = input;
  return parseTerms({
    ...(capabilities === undefined ? {} : { capabilities: parseJson(capabilities) }),
    ...(without === undefined ? {} : { without }),
    ...(limits === undefined ? {} : { limits }),
    ...(within === undefined ? {} : { withinSeconds: within }),
  });
}
