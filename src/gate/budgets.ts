// What a call takes from budgets before it runs, and what of it counts when it ended.

import type { Tx } from '../base/store/store.ts';
import type { FoundTool } from '../catalog/catalog.ts';
import type { BudgetSubject, CompiledBudget } from '../decide/limits/budget.ts';
import type { Amounts } from '../decide/limits/budget-book.ts';
import type { Permit, PermitTerms } from '../decide/policy/permit.ts';
import type { CallReach } from '../decide/policy/rule-conditions.ts';
import type { ToolCall } from '../decide/request/tool-call.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import type { Effect, Outcome } from '../trust/receipt/leaf.ts';
import type { Caller } from './door.ts';
import type { GateParts } from './parts.ts';

/** A call as far as budgets look at it. */
export interface BudgetedCall {
  readonly caller: Pick<Caller, 'tenant' | 'principal' | 'agent'>;
  readonly call: ToolCall;
  readonly found: FoundTool;
  readonly lease: CheckedLease;
  /** Wall milliseconds. */
  readonly now: number;
}

/** The facts of it that budgets select by and keep apart. */
export function budgetSubject({ caller, call, found, lease }: BudgetedCall): BudgetSubject {
  const { name, grant } = found.installation;
  return {
    tool: call.tool,
    installation: name,
    category: grant.categories,
    principal: caller.principal,
    agent: caller.agent,
    lease: lease.chain.map(({ stateKey }) => stateKey),
  };
}

/**
 * Takes the most the call may use from every budget that covers it.
 *
 * @throws WarderError `limit-reached` when one has too little left.
 */
export function holdBudgets(tx: Tx, gate: GateParts, permit: Permit, about: BudgetedCall): void {
  const { tenant, callId } = permit.terms;
  const held = { tenant, id: callId, subject: budgetSubject(about) };
  const rates = ratesOf(gate, about, permit.terms);
  gate.budgets.reserve(tx, held, mostOf(permit.terms), about.now, rates);
}

/** Amounts that the policy in force counts the call in. */
export function ratesOf(
  { policy }: Pick<GateParts, 'policy'>,
  { caller, call, found, now }: BudgetedCall,
  reach: CallReach,
): readonly CompiledBudget[] {
  return policy.ratesOf({ ...caller, call, installation: found.installation, now }, reach);
}

/** Gives back what was held and not used. Of a call nobody knows the end of, everything counts. */
export function settleBudgets(
  tx: Tx,
  gate: GateParts,
  permit: Permit,
  ended: {
    readonly outcome: Outcome;
    readonly effects: readonly Effect[];
    readonly cpuMs: number;
  },
): void {
  const { tenant, callId } = permit.terms;
  if (ended.outcome === 'unknown') gate.budgets.consume(tx, tenant, callId);
  else gate.budgets.settle(tx, tenant, callId, usedOf(permit.terms, ended));
}

/** The most a call may use, by measure. */
export function mostOf({
  limits,
  allowNet,
  cost,
}: Pick<PermitTerms, 'limits' | 'allowNet' | 'cost'>): Amounts {
  const online = allowNet.length > 0;
  return {
    calls: 1,
    'cpu-ms': limits.cpuMs,
    ...(online ? { requests: limits.requests, 'net-bytes': limits.netBytes } : {}),
    ...(cost === undefined ? {} : { [cost.currency]: cost.amount }),
  };
}

/** A call that ran costs its price, whatever came of it: what it paid for may have been done. */
function usedOf(
  { cost }: PermitTerms,
  { effects, cpuMs }: { readonly effects: readonly Effect[]; readonly cpuMs: number },
): Amounts {
  const sent = effects.filter(
    ({ kind, state }) => kind === 'http' && (state === 'sent' || state === 'answered'),
  );
  return {
    calls: 1,
    'cpu-ms': Math.ceil(cpuMs),
    requests: sent.reduce((sum, { count }) => sum + count, 0),
    'net-bytes': sent.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(cost === undefined ? {} : { [cost.currency]: cost.amount }),
  };
}
