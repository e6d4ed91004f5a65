// Finds out what a decision is told besides what is asked: only as much as some policy in force looks at.

import { WarderError } from '../base/errors/errors.ts';
import type { TenantId } from '../base/store/store.ts';
import { costOf } from '../decide/limits/cost.ts';
import {
  type Circumstances,
  isTrustCapabilities,
  isTrustLevel,
  type Trust,
} from '../decide/policy/circumstances.ts';
import type { PolicyNeeds } from '../decide/policy/policy-needs.ts';
import { reachOf } from '../decide/policy/reach.ts';
import { activeCapabilities } from '../trust/lease/action.ts';
import { type BudgetedCall, budgetSubject, mostOf, ratesOf } from './budgets.ts';
import type { GateParts } from './parts.ts';

type Asked = Pick<GateParts, 'policy' | 'trust' | 'budgets' | 'leases'>;

/**
 * The circumstances of a call.
 *
 * @throws WarderError `unavailable` when a part cannot tell: the call is refused.
 */
export function circumstancesOf(gate: Asked, about: BudgetedCall): Circumstances {
  const { needs } = gate.policy;
  const { tenant, principal } = about.caller;
  const budgetLeft = looksAt(needs, 'budget') ? budgetLeftOf(gate, about) : undefined;
  const counts = needs.lease === 'all' || needs.lease.has('usesLeft');
  const usesLeft = counts ? gate.leases.usesLeft(about.lease) : undefined;
  return {
    ...trustIn(gate, tenant, principal, about.now),
    ...(budgetLeft === undefined ? {} : { budgetLeft }),
    ...(usesLeft === undefined ? {} : { usesLeft }),
  };
}

/**
 * What is known of the principal of a call, or of a request for a lease.
 *
 * @param now wall milliseconds.
 * @throws WarderError `unavailable` when the source cannot tell, or tells what cannot be.
 */
export function trustIn(
  gate: Pick<GateParts, 'policy' | 'trust'>,
  tenant: TenantId,
  principal: string,
  now: number,
): Pick<Circumstances, 'trust'> {
  if (!looksAt(gate.policy.needs, 'trust')) return {};
  let trust: Trust | undefined;
  try {
    trust = gate.trust.of(tenant, principal, now);
  } catch (cause) {
    throw mistrusted('did not answer', cause);
  }
  if (trust === undefined) return {};
  const { level, capabilities } = trust;
  if (!isTrustLevel(level) || !isTrustCapabilities(capabilities))
    throw mistrusted('says what cannot be');
  return { trust: { level, capabilities } };
}

function budgetLeftOf(gate: Asked, about: BudgetedCall): number | undefined {
  const { caller, call, found, lease, now } = about;
  const { grant } = found.installation;
  const reach = reachOf(grant, activeCapabilities(lease.claims.authorization_details, now));
  const cost = costOf(grant.prices, call.tool, call.arguments);
  const { limits, allowNet } = reach;
  const most = mostOf({ limits, allowNet, ...(cost === undefined ? {} : { cost }) });
  const rates = ratesOf(gate, about, reach);
  return gate.budgets.left(caller.tenant, budgetSubject(about), most, now, rates);
}

function looksAt({ context }: PolicyNeeds, name: 'trust' | 'budget'): boolean {
  return context === 'all' || context.has(name);
}

function mistrusted(why: string, cause?: unknown): WarderError {
  return new WarderError('unavailable', `the source of trust ${why}`, {
    cause,
    hint: 'ask the operator: until it answers, nothing that policies measure by trust is allowed',
  });
}
