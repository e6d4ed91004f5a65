// Operations that end leases, and the list that tells verifiers without a daemon.

import { WarderError } from '../../../base/errors/errors.ts';
import { findLease, type Revoked, revokeLeases } from '../../../gate/revoke-leases.ts';
import type { OperationHandlers, Operations } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';

type RevocationOperations = Pick<OperationHandlers, 'lease.revoke' | 'lease.revocations'>;

const TENANT = /^[a-z0-9-]{1,32}$/;

export function revocationOperations(runtime: Runtime): RevocationOperations {
  const { gate, administration, lists } = runtime;
  return {
    'lease.revoke': async (input) => {
      const { tenant, reason } = input;
      if (tenant !== undefined && !TENANT.test(tenant)) {
        throw new WarderError('malformed', 'that is no name of a tenant', {
          hint: `it matches ${TENANT.source}`,
        });
      }
      const which = selection(input);
      if (which.by === 'lease') {
        const found = findLease(gate, tenant, which.id);
        const one = { by: 'lease', id: found.key } as const;
        const ended = await revokeLeases(gate, administration, one, reason, [found.tenant]);
        return { stateKey: found.key, ended };
      }
      const tenants = tenant === undefined ? lists.tenants : [tenant];
      return { ended: await revokeLeases(gate, administration, which, reason, tenants) };
    },
    'lease.revocations': async ({ tenant }) => {
      const { seq, iat, nextUpdate, text } = await lists.latest(tenant);
      return {
        tenant,
        seq,
        issued: new Date(iat * 1000).toISOString(),
        nextUpdate: new Date(nextUpdate * 1000).toISOString(),
        list: text,
      };
    },
  };
}

/** @throws WarderError `usage` unless exactly one thing says which leases. */
function selection(input: Operations['lease.revoke']['input']): Revoked {
  const { id, subject, holder, all } = input;
  const said: Revoked[] = [
    ...(id === undefined ? [] : [{ by: 'lease', id } as const]),
    ...(subject === undefined ? [] : [{ by: 'subject', subject } as const]),
    ...(holder === undefined ? [] : [{ by: 'holder', jkt: holder } as const]),
    ...(all === true ? [{ by: 'all' } as const] : []),
  ];
  const [first, ...more] = said;
  if (first !== undefined && more.length === 0) return first;
  throw new WarderError('usage', 'one thing says which leases are to end', {
    hint: 'give an id, or one of `--subject`, `--holder` and `--all`',
  });
}
