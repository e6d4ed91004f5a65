// Operations on what is on record: receipts, leases, keys, the daemon's own state.

import { WarderError } from '../../../base/errors/errors.ts';
import { coversTool } from '../../../decide/policy/narrowing.ts';
import type { LeaseStatus } from '../../../trust/lease/lease-book.ts';
import { formatVkey } from '../../../trust/verify/note-key.ts';
import type {
  KeySummary,
  LeaseCeiling,
  LeaseSummary,
  OperationHandlers,
} from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';

type RecordOperations = Pick<
  OperationHandlers,
  | 'lease.describe'
  | 'lease.list'
  | 'lease.show'
  | 'lease.revoke'
  | 'receipts.list'
  | 'receipts.show'
  | 'receipts.proof'
  | 'receipts.checkpoint'
  | 'receipts.audit'
  | 'keys.list'
>;

export function recordOperations(runtime: Runtime): RecordOperations {
  const { gate, receipts, administration } = runtime;
  const { reader, checkpointer } = receipts;
  const findLease = (id: string): LeaseStatus => {
    const rows = gate.leases.list(undefined, gate.now());
    const fits = rows.filter(
      ({ stateKey, claims }) => claims.jti === id || (id.length >= 16 && stateKey.startsWith(id)),
    );
    const [first, ...more] = fits;
    if (first !== undefined && more.length === 0) return first;
    throw new WarderError(
      'not-found',
      `${fits.length === 0 ? 'no' : 'more than one'} lease is \`${id.slice(0, 64)}\``,
      {
        hint: 'give the state key or its first 16 digits: `warder lease list`',
      },
    );
  };
  return {
    'lease.describe': ({ agent }) => Promise.resolve(leaseCeiling(runtime, agent)),
    'lease.list': () =>
      Promise.resolve({ leases: gate.leases.list(undefined, gate.now()).map(leaseSummary) }),
    'lease.show': ({ id }) => Promise.resolve(leaseSummary(findLease(id))),
    'lease.revoke': async ({ id, reason }) => {
      const { tenant, stateKey } = findLease(id);
      await administration.revokeLease(tenant, stateKey, reason);
      return { stateKey };
    },
    'receipts.list': (filter) => Promise.resolve(reader.list(filter)),
    'receipts.show': ({ id }) => Promise.resolve(reader.show(id)),
    'receipts.proof': async ({ id }) => ({ proof: await receipts.proof(id) }),
    'receipts.checkpoint': async () => ({ note: (await checkpointer.current()).note }),
    'receipts.audit': async () => {
      const { size, root } = await receipts.audit();
      return { size, root };
    },
    'keys.list': () => Promise.resolve({ keys: keySummaries(runtime) }),
  };
}

function keySummaries({ config, keys, receipts }: Runtime): readonly KeySummary[] {
  const { origin } = config.log;
  return (
    [
      ['signing', config.key.uri, keys.signing],
      ['log', config.logKey.uri, keys.log],
    ] as const
  ).map(([name, uri, signer]) => {
    const trusted = receipts.checkpointer.keys.find(({ kid }) => kid === signer.key.kid);
    if (trusted === undefined) throw new WarderError('internal', 'a checkpoint key is missing');
    return {
      name,
      uri,
      jwk: signer.key,
      vkey: formatVkey({ name: origin, raw: trusted.raw }),
      roles: signer.roles,
      custody: signer.custody.summary,
    };
  });
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
