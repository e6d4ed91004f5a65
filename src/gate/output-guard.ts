// What a call that may use secrets gives out, with these masked: answer, error text, log lines, targets
// of its effects. Best effort, never a boundary; what was masked is counted against the tool.

import { WarderError } from '../base/errors/errors.ts';
import type { Permit } from '../decide/policy/permit.ts';
import { Redactor } from '../reach/vault/redactor.ts';
import type { Vault } from '../reach/vault/vault.ts';
import type { Effect } from '../trust/receipt/leaf.ts';
import type { CallOutcome } from './run-permitted.ts';

/** Masks the output of one call. */
export class OutputGuard {
  readonly #vault: Vault;
  readonly #permit: Permit;
  readonly #atStart: readonly Uint8Array[];
  readonly #duringRun: Redactor;
  #atEnd: Redactor | undefined;

  constructor(vault: Vault, permit: Permit) {
    this.#vault = vault;
    this.#permit = permit;
    this.#atStart = vault.toMask(permit);
    this.#duringRun = new Redactor(this.#atStart);
  }

  /** How many occurrences were masked so far. */
  get hits(): number {
    return this.#duringRun.hits + (this.#atEnd?.hits ?? 0);
  }

  logLine(message: string): string {
    return this.#duringRun.text(message);
  }

  outcome(outcome: CallOutcome): CallOutcome {
    const masks = this.#masksAtEnd();
    if (outcome.kind === 'answered') return { ...outcome, answer: masks.json(outcome.answer) };
    const { code, message, hint } = outcome.error;
    const masked = masks.text(message);
    if (masked === message) return outcome;
    const error = new WarderError(code, masked, hint === undefined ? {} : { hint });
    return { ...outcome, error };
  }

  /** Effects without secrets in their targets, and one for each secret that was sent. */
  effects(effects: readonly Effect[]): readonly Effect[] {
    const masks = this.#masksAtEnd();
    const sent = [...this.#vault.usesOf(this.#permit)];
    return [
      ...effects.map((effect) => ({ ...effect, target: masks.text(effect.target) })),
      ...sent.map(
        ([target, count]) => ({ kind: 'secret', state: 'sent', count, target, bytes: 0 }) as const,
      ),
    ];
  }

  /** Knows the values of the end as well: one may have been rotated while the call ran. */
  #masksAtEnd(): Redactor {
    this.#atEnd ??= new Redactor([...this.#atStart, ...this.#vault.toMask(this.#permit)]);
    return this.#atEnd;
  }
}

/** A guard for the calls that need one: those whose permit names secrets. */
export function guardOutput(vault: Vault, permit: Permit): OutputGuard | undefined {
  return permit.terms.secrets.length === 0 ? undefined : new OutputGuard(vault, permit);
}
