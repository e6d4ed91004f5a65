// One call in Cedar's terms: principal, action, resource, context. `cedar-schema.ts` is its type.

import type { CedarValueJson, Context, EntityJson } from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { Installation, ToolDefinition } from '../../catalog/installation.ts';
import { costOf } from '../limits/cost.ts';
import type { Conditions } from '../rules/conditions.ts';
import type { ToolCall } from '../request/tool-call.ts';
import { argumentMapping, mapArguments } from './argument-mapping.ts';
import { actionId } from './cedar-schema.ts';
import { type Circumstances, circumstanceContext } from './circumstances.ts';
import { leaseEntity, type LeaseFacts, leaseUid } from './lease-entity.ts';
import type { PolicyNeeds } from './policy-needs.ts';
import type { PolicyQuestion } from './policy-set.ts';
import type { Reach } from './reach.ts';

/** What a question is made of; the lease by what policies can see of it. */
export interface QuestionFacts {
  readonly call: ToolCall;
  readonly definition: ToolDefinition;
  readonly installation: Installation;
  readonly lease: LeaseFacts;
  /** From the channel, never from an argument. */
  readonly principal: string;
  readonly tenant: TenantId;
  /** Name of the agent whose channel this is. */
  readonly agent?: string;
  /** Whether the call came over the operator channel. It passes the same policies. */
  readonly operator: boolean;
  /** Wall milliseconds. */
  readonly now: number;
  readonly circumstances?: Circumstances;
}

/** Builds the question, only as much of it as some policy can look at. */
export function questionOf(
  needs: PolicyNeeds,
  input: QuestionFacts,
  reach: Reach,
  approved: boolean,
  conditions: Conditions = NO_CONDITIONS,
): PolicyQuestion {
  const principal = { type: 'Principal', id: input.principal };
  const action = { type: 'Action', id: actionId(input.call.tool) };
  const resource = { type: 'Tool', id: input.call.tool };
  const entities: EntityJson[] = [
    { uid: action, attrs: {}, parents: [{ type: 'Action', id: 'call' }] },
  ];
  if (needs.principal) entities.push(principalEntity(input));
  if (needs.resource) {
    const { name, digest, grant } = input.installation;
    const categories = grant.categories.map((category) => ({ type: 'Category', id: category }));
    const readOnly = input.definition.annotations?.readOnlyHint === true;
    entities.push({
      uid: resource,
      attrs: { name: input.call.tool, installation: name, digest, readOnly },
      parents: [{ type: 'Installation', id: name }, ...categories],
    });
    if (categories.length > 0) {
      const uid = { type: 'Installation', id: name };
      entities.push({ uid, attrs: {}, parents: categories });
    }
  }
  if (needs.context === 'all' || needs.context.has('lease')) {
    const usesLeft = input.circumstances?.usesLeft;
    entities.push(leaseEntity(needs, input.lease, input.now, usesLeft));
  }
  return {
    principal,
    action,
    resource,
    context: {
      ...contextOf(needs, input, reach, approved),
      ...conditionContext(needs, conditions),
    },
    entities,
  };
}

function contextOf(
  needs: PolicyNeeds,
  input: QuestionFacts,
  reach: Reach,
  approved: boolean,
): Context {
  const wanted = (name: string): boolean => needs.context === 'all' || needs.context.has(name);
  const { call, lease } = input;
  const context: Context = { ...circumstanceContext(input.circumstances ?? {}, wanted) };
  if (wanted('args') || wanted('argsUnmapped')) {
    const mapped = mapArguments(argumentMapping(input.definition.inputSchema), call.arguments);
    context['args'] = mapped.args as CedarValueJson;
    context['argsUnmapped'] = [...mapped.unmapped];
  }
  if (wanted('argsJson')) context['argsJson'] = canonicalJson(call.arguments);
  if (wanted('approved')) context['approved'] = approved;
  if (wanted('operator')) context['operator'] = input.operator;
  if (wanted('reach')) {
    context['reach'] = {
      net: reach.allowNet.length > 0,
      read: reach.read.length > 0,
      write: reach.write.length > 0,
      kv: reach.kv,
      secrets: reach.secrets.length > 0,
    };
  }
  if (wanted('lease')) context['lease'] = { __entity: leaseUid(lease.stateKey) };
  if (wanted('time')) context['time'] = timeOf(input.now);
  if (wanted('cost')) {
    const cost = costOf(input.installation.grant.prices, call.tool, call.arguments);
    if (cost !== undefined) context['cost'] = { ...cost };
  }
  if (wanted('task') && lease.claims.task !== undefined) context['task'] = lease.claims.task;
  return context;
}

/** Nothing holds: what every set without declared rules is asked with. */
export const NO_CONDITIONS: Conditions = { within: [], windows: [], named: [] };

/** The ids of terms that hold, as far as some policy looks at them. */
export function conditionContext(needs: PolicyNeeds, conditions: Conditions): Context {
  const context: Context = {};
  for (const name of ['within', 'windows', 'named'] as const) {
    if (needs.context === 'all' || needs.context.has(name)) context[name] = [...conditions[name]];
  }
  return context;
}

/** The principal with its tenant and the agent whose channel it came over. */
export function principalEntity(
  input: Pick<QuestionFacts, 'principal' | 'tenant' | 'agent'>,
): EntityJson {
  const parents = [{ type: 'Tenant', id: input.tenant }];
  if (input.agent !== undefined) parents.push({ type: 'Agent', id: input.agent });
  return { uid: { type: 'Principal', id: input.principal }, attrs: {}, parents };
}

/** UTC: seconds since 1970, hour 0 to 23, weekday 1 (Monday) to 7. */
export function timeOf(now: number): CedarValueJson {
  const date = new Date(now);
  return {
    unix: Math.floor(now / 1000),
    hour: date.getUTCHours(),
    weekday: date.getUTCDay() === 0 ? 7 : date.getUTCDay(),
  };
}
