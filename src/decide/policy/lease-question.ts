// A request for a lease in Cedar's terms: who asks, over which agent's channel, for what, and for how long.

import type { Context } from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import type { Conditions } from '../rules/conditions.ts';
import { LEASE_ACTION } from './cedar-schema.ts';
import { type Circumstances, circumstanceContext } from './circumstances.ts';
import type { PolicyNeeds } from './policy-needs.ts';
import type { PolicyQuestion } from './policy-set.ts';
import { conditionContext, NO_CONDITIONS, principalEntity, timeOf } from './question.ts';

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
  conditions: Conditions = NO_CONDITIONS,
): PolicyQuestion {
  const wanted = (name: string): boolean => needs.context === 'all' || needs.context.has(name);
  const { capabilities, circumstances = {} } = asked;
  const context: Context = {
    ...circumstanceContext(circumstances, wanted),
    ...conditionContext(needs, conditions),
  };
  if (wanted('task')) context['task'] = asked.task;
  if (wanted('reason')) context['reason'] = asked.reason;
  if (wanted('seconds')) context['seconds'] = asked.ttlSeconds;
  if (wanted('depth')) context['depth'] = asked.depth;
  if (wanted('kinds')) context['kinds'] = [...new Set(capabilities.map(({ type }) => type))];
  if (wanted('tools')) {
    context['tools'] = capabilities.flatMap((each) =>
      each.type === 'tool.call' ? each.tools : [],
    );
  }
  if (wanted('capabilitiesJson')) context['capabilitiesJson'] = canonicalJson(capabilities);
  if (wanted('free')) context['free'] = asked.free;
  if (wanted('approved')) context['approved'] = approved;
  if (wanted('operator')) context['operator'] = asked.operator;
  if (wanted('time')) context['time'] = timeOf(asked.now);
  return {
    principal: { type: 'Principal', id: asked.principal },
    action: { type: 'Action', id: LEASE_ACTION },
    resource: { type: 'Agent', id: asked.agent },
    context,
    entities: needs.principal ? [principalEntity(asked)] : [],
  };
}
