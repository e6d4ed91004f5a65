// Operations on leases that are on record.

import { WarderError } from '../../../base/errors/errors.ts';
import { coversTool } from '../../../decide/policy/narrowing.ts';
import { findLease } from '../../../gate/revoke-leases.ts';
import type { LeaseStatus } from '../../../trust/lease/lease-book.ts';
import type { LeaseCeiling, LeaseSummary, OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';

type RecordOperations = Pick<OperationHandlers, 'lease.describe' | 'lease.list' | 'lease.show'>;

export function recordOperations(runtime: Runtime): RecordOperations {
  const { gate } = runtime;
  const show = (id: string): LeaseStatus => {
    const { tenant, key } = findLease(gate, undefined, id);
    const found = gate.leases.find(tenant, key, gate.now());
    if (found === undefined) throw new WarderError('internal', 'a lease that was found is gone');
    return found;
  };
  return {
    'lease.describe': ({ agent }) => Promise.resolve(leaseCeiling(runtime, agent)),
    'lease.list': () =>
      Promise.resolve({ leases: gate.leases.list(undefined, gate.now()).map(leaseSummary) }),
    'lease.show': ({ id }) => Promise.resolve(leaseSummary(show(id))),
  };
}

function leaseCeiling({ config, gate }: Runtime, agent: string): LeaseCeiling {
  const found = Object.hasOwn(config.agents, agent) ? config.agents[agent] : undefined;
  if (found === undefined) {
    throw new WarderError('not-found', `config.json has no agent \`${agent.slice(0, 64)}\``, {
      hint: `one of ${Object.keys(config.agents).join(', ')}`,
    });
  }
  const { principal, tenant, holder, ttl, capabilities } = found;
  const tools = gate.catalog
    .tools(tenant)
    .map(({ definition }) => definition.name)
    .filter((name) => coversTool(capabilities, name));
  return { agent, principal, tenant, holder, ttlSeconds: ttl, capabilities, tools };
}

function leaseSummary(lease: LeaseStatus): LeaseSummary {
  const { claims } = lease;
  return {
    stateKey: lease.stateKey,
    jti: claims.jti,
    principal: claims.sub,
    tenant: lease.tenant,
    agent: lease.agent,
    state: lease.state,
    issued: new Date(claims.iat * 1000).toISOString(),
    expires: new Date(claims.exp * 1000).toISOString(),
    uses: lease.uses,
    ...(claims.max_uses === undefined ? {} : { maxUses: claims.max_uses }),
    capabilities: claims.authorization_details,
  };
}
