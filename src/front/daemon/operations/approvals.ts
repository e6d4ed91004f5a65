// Operations on what waits for a person.

import { parseJson } from '../../../base/encoding/parse-json.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Approval, ApprovalState } from '../../../decide/approval/approval.ts';
import { parseTerms } from '../../../decide/policy/approval-terms.ts';
import type { CallApproval } from '../../console/approval-summary.ts';
import type { OperationHandlers, Operations } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { approvalSummary } from './approval-summary.ts';
import { isLeaseRequest, LeaseApprovals } from './lease-approvals.ts';
import { OPERATOR_TENANT } from './tools.ts';

type ApprovalOperations = Pick<
  OperationHandlers,
  'approvals.list' | 'approvals.show' | 'approvals.approve' | 'approvals.deny'
>;

const CALL_STATES: readonly string[] = ['pending', 'approved', 'denied', 'consumed', 'expired'];
const LEASE_STATES: readonly string[] = [
  'pending',
  'active',
  'denied',
  'released',
  'revoked',
  'expired',
];
const STATES = [...new Set([...CALL_STATES, ...LEASE_STATES])];

export function approvalOperations(runtime: Runtime): ApprovalOperations {
  const { gate, administration } = runtime;
  const { approvals } = gate;
  // When it is nowhere, the book's own error says so.
  const tenantOf = (id: string): string => approvals.tenantOf(id) ?? OPERATOR_TENANT;
  const summary = (approval: Approval): CallApproval => approvalSummary(runtime, approval);
  const leases = new LeaseApprovals(runtime);
  return {
    'approvals.list': ({ state }) => {
      if (state !== undefined && !STATES.includes(state)) {
        throw new WarderError('usage', `there is no approval state \`${state}\``, {
          hint: `one of ${STATES.join(', ')}`,
        });
      }
      const filter = state === undefined ? {} : { state: state as ApprovalState };
      const isOfCalls = state === undefined || CALL_STATES.includes(state);
      const calls = isOfCalls ? approvals.list(undefined, gate.now(), filter) : [];
      const rows = [...calls.map(summary), ...leases.list(state)];
      rows.sort((one, other) => (one.asked < other.asked ? 1 : -1));
      return Promise.resolve({ approvals: rows });
    },
    'approvals.show': ({ id }) =>
      Promise.resolve(
        isLeaseRequest(id)
          ? leases.show(id)
          : summary(approvals.show(tenantOf(id), id, gate.now())),
      ),
    'approvals.approve': async (input) => {
      const { id } = input;
      if (isLeaseRequest(id)) return leases.approve(input);
      const terms = termsOf(input);
      return summary(await administration.decideApproval(tenantOf(id), id, { kind: 'yes', terms }));
    },
    'approvals.deny': async (input) => {
      const { id, reason } = input;
      if (isLeaseRequest(id)) return leases.deny(input);
      const verdict = { kind: 'no', reason } as const;
      return summary(await administration.decideApproval(tenantOf(id), id, verdict));
    },
  };
}

function termsOf(input: Operations['approvals.approve']['input']): ReturnType<typeof parseTerms> {
  const { capabilities, without, limits, within, ttl } = input;
  if (ttl !== undefined) {
    throw new WarderError('usage', 'a call has no life to be shortened', {
      hint: '`--within` bounds when it has to start, `--timeout` how long it may run',
    });
  }
  return parseTerms({
    ...(capabilities === undefined ? {} : { capabilities: parseJson(capabilities) }),
    ...(without === undefined ? {} : { without }),
    ...(limits === undefined ? {} : { limits }),
    ...(within === undefined ? {} : { withinSeconds: within }),
  });
}
