// What a call takes from its lease and those it was made from: bytes and money, first at most, then really.

import type { Tx } from '../base/store/store.ts';
import type { PermitTerms } from '../decide/policy/permit.ts';
import type { LeaseAmounts } from '../trust/lease/lease-account.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import type { Effect, Outcome } from '../trust/receipt/leaf.ts';
import type { GateParts } from './parts.ts';

/** The most a call may come to: its answer, what it moves over the network, what it writes, its price. */
export function mostOfLease({ limits, allowNet, write, cost }: PermitTerms): LeaseAmounts {
  const net = allowNet.length > 0 ? limits.netBytes : 0;
  const files = write.length > 0 ? limits.writeBytes : 0;
  return { bytes: limits.outputBytes + net + files, ...priceOf(cost) };
}

/** Puts what the call came to in its place. Of a call nobody knows the end of, everything counts. */
export function settleLease(
  tx: Tx,
  gate: Pick<GateParts, 'leases'>,
  lease: CheckedLease,
  terms: PermitTerms,
  ended: {
    readonly outcome: Outcome;
    readonly effects: readonly Effect[];
    readonly outputBytes: number;
  },
): void {
  const used = ended.outcome === 'unknown' ? mostOfLease(terms) : usedOf(terms, ended);
  gate.leases.settle(tx, lease, terms.callId, used);
}

function usedOf(
  { cost, limits }: PermitTerms,
  { effects, outputBytes }: { readonly effects: readonly Effect[]; readonly outputBytes: number },
): LeaseAmounts {
  const moved = effects
    .filter(({ kind, state }) => kind === 'file-write' || (kind === 'http' && state !== 'not-sent'))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  // What an executor says of itself may be no number.
  const told = Number.isSafeInteger(outputBytes) && outputBytes >= 0;
  const answered = told ? Math.min(outputBytes, limits.outputBytes) : limits.outputBytes;
  return { bytes: answered + moved, ...priceOf(cost) };
}

function priceOf(cost: PermitTerms['cost']): Pick<LeaseAmounts, 'spend'> {
  return cost === undefined || cost.amount === 0 ? {} : { spend: { [cost.currency]: cost.amount } };
}
