// A request for a lease in Cedar's terms: who asks, over which agent's channel, for what, and for how long.

import type { EntityJson } from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import { LEASE_ACTION } from './cedar-schema.ts';
import { type Circumstances, circumstanceContext } from './circumstances.ts';
import type { PolicyNeeds } from './policy-needs.ts';
import type { PolicyQuestion } from './policy-set.ts';
import { principalEntity, timeOf } from './question.ts';

/** What is asked. Capabilities in normal form, within what the agent may have at all. */
export interface LeaseQuestion {
  readonly tenant: TenantId;
  readonly principal: string;
  readonly agent: string;
  readonly task: string;
  readonly reason: string;
  readonly ttlSeconds: number;
  readonly capabilities: readonly Capability[];
  /** Depth of delegation the lease would have; 0 for one that is made from no other. */
  readonly depth: number;
  /** Whether the agent may have it without asking anybody. */
  readonly free: boolean;
  /** Whether it came over the operator channel. */
  readonly operator: boolean;
  /** Wall milliseconds. */
  readonly now: number;
  readonly circumstances?: Pick<Circumstances, 'trust'>;
}

/** Builds the question, only as much of it as some policy can look at. */
export function leaseQuestionOf(
  needs: PolicyNeeds,
  asked: LeaseQuestion,
  approved: boolean,
): PolicyQuestion {
  const principal = { type: 'Principal', id: asked.principal };
  const resource = { type: 'Agent', id: asked.agent };
  const entities: EntityJson[] = needs.principal ? [principalEntity(asked)] : [];
  const { task, reason, depth, free, operator, capabilities } = asked;
  const trust = circumstanceContext(asked.circumstances ?? {}, (name) => name === 'trust');
  return {
    principal,
    action: { type: 'Action', id: LEASE_ACTION },
    resource,
    context: {
      ...trust,
      task,
      reason,
      depth,
      free,
      operator,
      approved,
      seconds: asked.ttlSeconds,
      kinds: [...new Set(capabilities.map(({ type }) => type))],
      tools: capabilities.flatMap((each) => (each.type === 'tool.call' ? each.tools : [])),
      capabilitiesJson: canonicalJson(capabilities),
      time: timeOf(asked.now),
    },
    entities,
  };
}
