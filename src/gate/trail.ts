// What one call leaves behind: gathers the facts as the gate learns them, and writes intent and receipt.

import { createHash } from 'node:crypto';
import { ulid } from '../base/encoding/ulid.ts';
import { WarderError } from '../base/errors/errors.ts';
import type { JailName } from '../base/process/jail-plan.ts';
import type { Tx } from '../base/store/store.ts';
import type { FoundTool } from '../catalog/catalog.ts';
import type { Risk } from '../decide/policy/circumstances.ts';
import type { ToolCall } from '../decide/request/tool-call.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import { useProofOf } from '../trust/lease/use-proof.ts';
import type { Effect, ReceiptFacts } from '../trust/receipt/leaf.ts';
import type { ReceiptRef } from '../trust/receipt/receipt-log.ts';
import { settleBudgets } from './budgets.ts';
import type { DecidedCall, HeldCall } from './decide-call.ts';
import type { CallAnswer, Caller, CallRequest } from './door.ts';
import { type Provenance, provenanceOf } from './firewall/provenance.ts';
import { intentTable } from './intent.ts';
import { settleLease } from './lease-amounts.ts';
import type { GateParts } from './parts.ts';
import { quarantine } from './quarantine.ts';
import { reachUsage } from './reach-usage.ts';
import type { CallOutcome, PermittedRun } from './run-permitted.ts';

/** What is durable of a call that ended. */
interface Written {
  readonly receipt: ReceiptRef;
  readonly quarantined?: boolean;
}

type Draft = { -readonly [Key in keyof ReceiptFacts]: ReceiptFacts[Key] };

/** The trail of one call. */
export class Trail {
  /** Id of the call and of its receipt. */
  readonly id: string;
  /** Wall milliseconds; the one time this call is judged by, from when it left the waiting line. */
  now: number;
  /** Set when the intent is durable: from then on only an outcome may answer. */
  intended = false;

  readonly #gate: GateParts;
  readonly #caller: Caller;
  readonly #facts: Draft;
  readonly #started: number;
  #lease: CheckedLease | undefined;

  constructor(gate: GateParts, caller: Caller, request: CallRequest) {
    this.#gate = gate;
    this.#caller = caller;
    this.#started = gate.clock.monotonic();
    this.now = gate.now();
    this.id = `call_${ulid(this.now, gate.random(10))}`;
    this.#facts = {
      id: this.id,
      type: 'call',
      outcome: 'refused',
      tenant: caller.tenant,
      time: this.now,
      subject: { name: 'call', sha256: rawDigest(request) },
      tool: request.tool.slice(0, 64),
      principal: caller.principal,
      assurance: gate.assurance,
      jail: gate.jail,
      ...(caller.operator ? { operator: true } : {}),
    };
  }

  /** The call left the waiting line: what it is judged by is the time now. */
  admitted(): void {
    this.now = this.#gate.now();
    this.#facts.time = this.now;
  }

  parsed(call: ToolCall): ToolCall {
    this.#facts.subject = { name: 'call', sha256: call.digest };
    this.#facts.tool = call.tool;
    this.#facts.arguments = call.arguments;
    return call;
  }

  found(found: FoundTool): FoundTool {
    const { id, digest, grant } = found.installation;
    this.#facts.installation = { id, digest };
    if (grant.unsafeNoJail) this.#facts.jail = 'none';
    return found;
  }

  /** What the guest will be shut into. */
  jailed(jail: JailName): void {
    this.#facts.jail = jail;
  }

  leased(lease: CheckedLease): CheckedLease {
    this.#lease = lease;
    this.#facts.lease = lease.stateKey;
    if (lease.claims.task !== undefined) this.#facts.task = lease.claims.task;
    return lease;
  }

  assessed(risk: Risk): Risk {
    const { verdict, signals } = risk;
    if (signals.length > 0)
      this.#facts.risk = { verdict, signals: signals.map(({ name }) => name) };
    return risk;
  }

  decided(decided: DecidedCall): DecidedCall {
    this.#facts.decision = {
      effect: EFFECTS[decided.kind],
      rules: decided.rules,
      policyDigest: decided.policyDigest,
      latencyUs: Math.round((this.#gate.clock.monotonic() - this.#started) * 1000),
    };
    if (decided.kind === 'permit' && decided.approval !== undefined) {
      this.#facts.approval = decided.approval;
    }
    return decided;
  }

  writeIntent(tx: Tx): void {
    tx.insert(intentTable, this.#caller.tenant, this.id, { facts: { ...this.#facts } });
  }

  /** Writes the outcome with everything the call did, in one transaction, and answers. */
  async settle(outcome: CallOutcome, run: PermittedRun): Promise<CallAnswer> {
    const { session } = run;
    const { cost } = session.permit.terms;
    this.#facts.outcome = outcome.outcome;
    if (cost !== undefined && cost.amount > 0) this.#facts.spend = cost;
    const effects = session.effects();
    this.#facts.usage = { ...run.outcome.usage, ...reachUsage(effects) };
    this.#facts.effects = this.#effectsOf(run, effects);
    if (outcome.kind === 'stopped') {
      this.#facts.code = outcome.error.code;
      this.#facts.reason = outcome.error.message;
      return this.#toolStopped(outcome.error, run, await this.#writeOutcome(run));
    }
    const { answer } = outcome;
    this.#facts.result = {
      content: answer.content,
      ...(answer.structuredContent === undefined
        ? {}
        : { structuredContent: answer.structuredContent }),
    };
    try {
      const written = await this.#writeOutcome(run, (tx) => session.applyKv(tx));
      return { kind: 'answered', answer, ...written, provenance: this.#provenance(written, run) };
    } catch (thrown) {
      if (!(thrown instanceof WarderError) || thrown.code !== 'limit-reached') throw thrown;
      // Its key/value writes do not fit: the call failed, and none of them is kept.
      this.#facts.outcome = 'failed';
      this.#facts.code = thrown.code;
      this.#facts.reason = thrown.message;
      delete this.#facts.result;
      return this.#toolStopped(thrown, run, await this.#writeOutcome(run));
    }
  }

  /** Writes a refusal and answers with it. */
  async refuse(error: WarderError): Promise<CallAnswer> {
    this.#facts.outcome = error.code === 'cancelled' ? 'cancelled' : 'refused';
    this.#facts.code = error.code;
    this.#facts.reason = error.message;
    const receipt = await this.#gate.store.commit((tx) => {
      // Were it there after all, recovery would answer for this call a second time.
      tx.delete(intentTable, this.#caller.tenant, this.id);
      return this.#gate.log.append(tx, { ...this.#facts });
    });
    return this.#stoppedAnswer(error, { receipt });
  }

  /** Records that a person has to decide, and says how to go on. */
  async holdForApproval(held: HeldCall): Promise<CallAnswer> {
    const { approvals, log, store } = this.#gate;
    const args = this.#facts.arguments ?? {};
    this.#facts.outcome = 'approval-required';
    this.#facts.code = 'approval-required';
    this.#facts.reason = held.reason;
    this.#facts.detail = { needed: held.persons };
    const [approval, receipt] = await store.commit((tx) => {
      // Sent again after the yes, it would let the call run without its holder.
      if (this.#lease !== undefined) useProofOf(tx, this.#lease, this.now);
      const asked = approvals.ask(
        tx,
        {
          ...held.binding,
          arguments: args,
          reason: held.reason,
          rules: held.rules,
          signals: held.signals,
          reach: held.reach,
          persons: held.persons,
          agent: this.#caller.agent,
          lease: this.#facts.lease ?? '',
          operator: this.#caller.operator,
          ...(this.#facts.task === undefined ? {} : { task: this.#facts.task }),
        },
        this.now,
      );
      this.#facts.approval = asked.id;
      return [asked, log.append(tx, { ...this.#facts })] as const;
    });
    approvals.changed();
    const error = new WarderError(
      'approval-required',
      `held for approval \`${approval.id}\`: ${held.reason}`,
      {
        hint:
          `${deciders(held.persons)} with \`warder approvals approve ${approval.id}\`; ` +
          'then make the same call again with the same arguments',
        data: { approval: approval.id },
      },
    );
    return { ...this.#stoppedAnswer(error, { receipt }), approval: approval.id };
  }

  #writeOutcome(
    { session, guard, outcome: { usage } }: PermittedRun,
    change?: (tx: Tx) => void,
  ): Promise<Written> {
    const { store, log, clock, vault } = this.#gate;
    const { permit } = session;
    const { masked, removed } = guard.count;
    const { ownSecrets } = guard;
    return store.commit((tx) => {
      change?.(tx);
      tx.delete(intentTable, this.#caller.tenant, this.id);
      const { outcome, effects = [] } = this.#facts;
      settleBudgets(tx, this.#gate, permit, { outcome, effects, cpuMs: usage.cpuMs });
      const { outputBytes } = usage;
      settleLease(tx, this.#gate, session.lease, permit.terms, { outcome, effects, outputBytes });
      const latencyUs = Math.round((clock.monotonic() - this.#started) * 1000);
      const receipt = log.append(tx, {
        ...this.#facts,
        usage: {
          ...this.#facts.usage,
          ...(session.masked === 0 ? {} : { maskedReplies: session.masked }),
          ...(masked === 0 ? {} : { masked }),
          ...(removed === 0 ? {} : { removed }),
          latencyUs,
        },
      });
      vault.countUses(tx, permit.terms.tenant, vault.usesOf(permit));
      if (ownSecrets === 0) return { receipt };
      const found = { now: this.now, hits: ownSecrets };
      return { receipt, quarantined: quarantine(tx, this.#gate, permit.terms, found) };
    });
  }

  /** Effects without secrets in their targets, and one for each secret that was sent. */
  #effectsOf({ guard, session: { permit } }: PermittedRun, effects: readonly Effect[]): Effect[] {
    const sent = [...this.#gate.vault.usesOf(permit)];
    return [
      ...effects.map((effect) => ({ ...effect, target: guard.text(effect.target) })),
      ...sent.map(
        ([target, count]) => ({ kind: 'secret', state: 'sent', count, target, bytes: 0 }) as const,
      ),
    ];
  }

  #provenance({ receipt }: Written, { guard }: PermittedRun): Provenance {
    const { tool = '', installation } = this.#facts;
    const from = { tool, digest: installation?.digest ?? '', receipt: receipt.id };
    return provenanceOf(from, guard.count);
  }

  /** What a tool says of its own failure is its output as well. */
  #toolStopped(error: WarderError, run: PermittedRun, written: Written): CallAnswer {
    return { ...this.#stoppedAnswer(error, written), provenance: this.#provenance(written, run) };
  }

  #stoppedAnswer(error: WarderError, written: Written): CallAnswer & { kind: 'stopped' } {
    return { kind: 'stopped', error, ...written };
  }
}

function deciders(persons: number): string {
  return persons === 1 ? 'an operator decides' : `${persons} different operators decide`;
}

const EFFECTS = { permit: 'allow', refused: 'refuse', 'approval-required': 'ask' } as const;

/** Digest of what arrived, for receipts of calls that could not be parsed. */
function rawDigest(request: CallRequest): string {
  const input = request.arguments;
  if (typeof input === 'object' && 'parsed' in input) return EMPTY_DIGEST;
  return createHash('sha256').update(input).digest('hex');
}

const EMPTY_DIGEST = createHash('sha256').digest('hex');
