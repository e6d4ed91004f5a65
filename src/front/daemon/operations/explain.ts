// `policy explain TOOL` for operators: the parts a permit is the intersection of, and what they leave.

import { renderText } from '../../../decide/approval/render.ts';
import { describeGrant } from '../../../catalog/grant.ts';
import { formatNetRule } from '../../../catalog/net-rule.ts';
import type { CallExplanation } from '../../../gate/explain.ts';
import type { ChainLink } from '../../../trust/lease/lease.ts';
import type { Explanation } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { approvalSummary } from './approval-summary.ts';

/** The parts of an explanation, each as far as the call came. */
export function explanationParts(
  runtime: Pick<Runtime, 'gate' | 'operators'>,
  { installation, lease, risk, approval, reach }: CallExplanation,
): Pick<Explanation, 'grant' | 'lease' | 'risk' | 'approval' | 'reach'> {
  return {
    ...(installation === undefined
      ? {}
      : {
          grant: {
            installation: installation.name,
            digest: installation.digest,
            may: describeGrant(installation.grant),
          },
        }),
    ...(lease === undefined ? {} : { lease: lease.chain.map(leaseLink) }),
    ...(risk === undefined
      ? {}
      : { risk: risk.signals.map(({ name, note }) => ({ name, note: renderText(note) })) }),
    ...(approval === undefined ? {} : { approval: approvalSummary(runtime, approval) }),
    ...(reach === undefined ? {} : { reach: reachSummary(reach) }),
  };
}

function leaseLink({ stateKey, claims }: ChainLink): NonNullable<Explanation['lease']>[number] {
  const { sub, del_depth, exp, task, max_uses, max_bytes, rate, authorization_details } = claims;
  return {
    stateKey,
    principal: sub,
    depth: del_depth,
    expires: new Date(exp * 1000).toISOString(),
    ...(task === undefined ? {} : { task }),
    ...(max_uses === undefined ? {} : { maxUses: max_uses }),
    ...(max_bytes === undefined ? {} : { maxBytes: max_bytes }),
    ...(rate === undefined ? {} : { rate }),
    capabilities: authorization_details,
  };
}

function reachSummary(
  reach: NonNullable<CallExplanation['reach']>,
): NonNullable<Explanation['reach']> {
  const { allowNet, denyNet, read, write, kv, env, config, secrets, limits } = reach;
  const { expiresAt, cost } = reach;
  const places = (directories: typeof read): readonly string[] =>
    directories.map(({ host, guest }) => `${host}:${guest}`);
  return {
    net: allowNet.map(formatNetRule),
    neverNet: denyNet.map(formatNetRule),
    read: places(read),
    write: places(write),
    kv,
    secrets: [...new Set(secrets.map(({ secret }) => secret))],
    env: Object.keys(env),
    config: Object.keys(config),
    limits: { ...limits },
    ...(cost === undefined ? {} : { cost }),
    ...(expiresAt === undefined ? {} : { expires: new Date(expiresAt).toISOString() }),
  };
}
