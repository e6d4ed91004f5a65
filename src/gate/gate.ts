// One governed call, from what was asked to an answer whose receipt is durable. Read it top to bottom.

import { asWarderError } from '../base/errors/errors.ts';
import { checkArguments } from '../catalog/schemas.ts';
import { parseToolCall } from '../decide/request/parse-tool-call.ts';
import { assessed, hear } from './assess.ts';
import { holdBudgets } from './budgets.ts';
import { Ticket, type Turnstile } from './turnstile.ts';
import { type CallAnswer, type Caller, type CallRequest, toProve } from './door.ts';
import { decideCall } from './decide-call.ts';
import { mostOfLease } from './lease-amounts.ts';
import { outcomeOf, runPermitted } from './run-permitted.ts';
import type { GateParts } from './parts.ts';
import { Trail } from './trail.ts';
import { withdrawn } from './waiting-line.ts';

/**
 * Parses, checks, decides, runs and records one call.
 *
 * Nothing is spent before the decision; the intent is durable before the guest starts; the answer
 * leaves after its outcome is durable. Whatever way it ends, a receipt says so.
 *
 * @throws WarderError `unavailable` when the log cannot be written: then nothing ran, or what ran is
 *   settled as `unknown` at the next start.
 */
export async function governedCall(
  gate: GateParts,
  turnstile: Turnstile,
  caller: Caller,
  request: CallRequest,
): Promise<CallAnswer> {
  const trail = new Trail(gate, caller, request);
  using ticket = new Ticket(turnstile, { lane: caller.principal, signal: request.signal });
  try {
    if (await ticket.admitted()) trail.admitted();
    const call = trail.parsed(parseToolCall(request.tool, request.arguments, gate.limits));
    let found = trail.found(gate.catalog.find(caller.tenant, call.tool));
    if (await ticket.seated(caller.tenant, found.installation)) {
      trail.admitted();
      found = trail.found(gate.catalog.find(caller.tenant, call.tool));
    }
    checkArguments(found.definition, call.arguments);
    const lease = trail.leased(await caller.lease(trail.now, toProve(call, found)));
    const { id, now } = trail;
    const risk = trail.assessed(await gate.risk.assess(assessed({ caller, call, found, now })));
    const about = { id, now, caller, request, call, found, lease, risk };
    const decided = trail.decided(decideCall(gate, about));

    if (decided.kind === 'refused') throw decided.error;
    if (decided.kind === 'approval-required') return await trail.holdForApproval(decided);
    const { permit } = decided;
    trail.jailed(gate.runner.jailOf(permit));

    await gate.store.commit((tx) => {
      if (request.signal?.aborted === true) throw withdrawn();
      gate.leases.spend(tx, lease, now, mostOfLease(permit.terms), id);
      holdBudgets(tx, gate, permit, about);
      if (decided.use !== undefined) gate.approvals.consume(tx, decided.use, now);
      gate.risk.used(tx, assessed(about));
      trail.writeIntent(tx);
    });

    trail.intended = true;
    const run = await runPermitted(gate, permit, about);
    const outcome = outcomeOf(run, found.definition, gate.firewall);
    hear(gate, caller, outcome);
    return await trail.settle(outcome, run);
  } catch (thrown) {
    const error = asWarderError(thrown);
    // After the intent is durable only a settled outcome may answer; recovery does the rest.
    if (trail.intended) throw error;
    return await trail.refuse(error);
  }
}
