// What of a call, or of a request for a lease, the terms of declared rules are tested against.

import type { NetRule } from '../../catalog/installation.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import type { CompiledBudget } from '../limits/budget.ts';
import { costOf } from '../limits/cost.ts';
import type { CallAsked, ConditionName, Conditions } from '../rules/conditions.ts';
import type { LeaseQuestion } from './lease-question.ts';
import type { PolicySet } from './policy-set.ts';
import type { QuestionFacts } from './question.ts';
import type { Reach } from './reach.ts';

const NONE: Conditions = { within: [], windows: [], named: [] };
const NAMES = ['within', 'windows', 'named'] as const;

/** The ids of all terms that hold of a call; of a set no policy looks at, none. */
export function callConditions(
  set: Pick<PolicySet, 'needs' | 'conditions'>,
  facts: QuestionFacts,
  reach: Reach,
): Conditions {
  const wanted = wantedBy(set);
  if (!NAMES.some(wanted)) return NONE;
  return set.conditions.holding(callAsked(facts, reach), wanted);
}

/** What of a call the rates of declared rules look at. */
export type RatedCall = Pick<
  QuestionFacts,
  'call' | 'installation' | 'principal' | 'tenant' | 'agent' | 'now'
>;

/** The amounts that a call is counted in besides the budgets of its tenant. */
export function ratesOf(
  { rates }: Pick<PolicySet, 'rates'>,
  facts: RatedCall,
  reach: CallReach,
): readonly CompiledBudget[] {
  if (rates.length === 0) return [];
  const asked = callAsked(facts, reach);
  return rates.flatMap(({ budget, counts }) => (counts(asked) ? budget : []));
}

/** What a call can reach, as far as its rates look at it. */
export type CallReach = Pick<Reach, 'allowNet' | 'read' | 'write' | 'secrets' | 'kv'>;

function callAsked(facts: RatedCall, reach: CallReach): CallAsked {
  const { call, installation, principal, tenant, agent, now } = facts;
  const cost = costOf(installation.grant.prices, call.tool, call.arguments);
  const spent: readonly Capability[] =
    cost === undefined || cost.amount === 0 ? [] : [{ type: 'spend', ...cost }];
  return {
    kind: 'call',
    principal,
    tenant,
    ...(agent === undefined ? {} : { agent }),
    now,
    tool: call.tool,
    arguments: call.arguments,
    installation: installation.name,
    categories: installation.grant.categories,
    reach: [...reachAsCapabilities(reach), ...spent],
    kv: reach.kv,
  };
}

/** The ids of all terms that hold of a request for a lease. */
export function leaseConditions(
  set: Pick<PolicySet, 'needs' | 'conditions'>,
  { principal, tenant, agent, now, capabilities, ttlSeconds }: LeaseQuestion,
): Conditions {
  const wanted = wantedBy(set);
  if (!NAMES.some(wanted)) return NONE;
  const asked = { principal, tenant, agent, now, capabilities, ttlSeconds };
  return set.conditions.holding({ kind: 'lease', ...asked }, wanted);
}

function wantedBy({ needs }: Pick<PolicySet, 'needs'>): (name: ConditionName) => boolean {
  return (name) => needs.context === 'all' || needs.context.has(name);
}

/**
 * The reach in the terms of leases, so that one matcher measures both; each thing by itself, since one
 * capability has to hold it whole. Denials are left out: they only tighten.
 */
function reachAsCapabilities({
  allowNet,
  read,
  write,
  secrets,
}: Omit<CallReach, 'kv'>): readonly Capability[] {
  const names = [...new Set(secrets.map(({ secret }) => secret))];
  return [
    ...allowNet.flatMap(requestsOf),
    ...read.map(({ guest }): Capability => ({ type: 'fs.read', paths: [below(guest)] })),
    ...write.map(({ guest }): Capability => ({ type: 'fs.write', paths: [below(guest)] })),
    ...names.map((name): Capability => ({ type: 'credential', names: [name] })),
  ];
}

/** A block of addresses is no origin: only a ceiling for any origin holds it. */
function requestsOf({ methods, scheme, host, port, path }: NetRule): readonly Capability[] {
  const origin = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return methods.map((method) => ({
    type: 'http.call',
    methods: [method],
    origins: [origin],
    paths: [path],
  }));
}

function below(directory: string): string {
  return directory === '/' ? '/**' : `${directory}/**`;
}
