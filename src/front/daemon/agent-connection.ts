// Who a connection is: the agent whose socket it came through, under a lease bound to that connection.

import { randomUUID } from 'node:crypto';
import { WarderError } from '../../base/errors/errors.ts';
import { coversTool } from '../../decide/policy/narrowing.ts';
import type { Caller } from '../../gate/door.ts';
import type { Connection, Preamble } from '../mcp/agent-socket.ts';
import type { Runtime } from './compose.ts';

/** Makes the caller of a connection to `agents/NAME.sock`; its lease is issued when first needed. */
export function connectAgent(runtime: Runtime, name: string, preamble: Preamble): Connection {
  const agent = runtime.config.agents[name];
  if (agent === undefined) {
    throw new WarderError('not-found', `config.json has no agent \`${name}\``);
  }
  if (preamble.lease !== undefined) {
    throw new WarderError('lease-refused', 'lease tokens are not accepted on this socket yet', {
      hint: 'leave `--lease` out: the connection gets a lease of its own',
    });
  }
  const lease = runtime.connectionLease({
    agent: name,
    connection: randomUUID(),
    principal: agent.principal,
    tenant: agent.tenant,
    capabilities: agent.capabilities,
    ttlSeconds: agent.ttl,
  });
  const caller: Caller = {
    tenant: agent.tenant,
    principal: agent.principal,
    agent: name,
    operator: false,
    lease: (now) => lease.current(now),
    covers: (tool) => coversTool(agent.capabilities, tool),
  };
  return { caller, close: () => void lease.release(runtime.gate.clock.wall()) };
}

/** A caller on the operator channel, on behalf of `principal`: the same gate, recorded as such. */
export function operatorCaller(runtime: Runtime, principal: string): Connection {
  const { config } = runtime;
  const named = Object.values(config.agents).find((agent) => agent.principal === principal);
  const agent = named ?? config.agents['default'];
  if (agent === undefined) {
    throw new WarderError(
      'not-found',
      `no agent acts as \`${principal}\`, and there is no default`,
      {
        hint: 'add one to `agents` in config.json',
      },
    );
  }
  const lease = runtime.connectionLease({
    agent: 'operator',
    connection: randomUUID(),
    principal,
    tenant: agent.tenant,
    capabilities: agent.capabilities,
    ttlSeconds: 60,
  });
  const caller: Caller = {
    tenant: agent.tenant,
    principal,
    agent: 'operator',
    operator: true,
    lease: (now) => lease.current(now),
    covers: (tool) => coversTool(agent.capabilities, tool),
  };
  return { caller, close: () => void lease.release(runtime.gate.clock.wall()) };
}
