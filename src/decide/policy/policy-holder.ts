// The policy set in force, and the way to another one: prepared and checked whole, then swapped in.

import type { ToolDefinition } from '../../catalog/installation.ts';
import type { Budget, CompiledBudget } from '../limits/budget.ts';
import { type Cedar, loadCedar } from './cedar.ts';
import { decide, type Decision, type DecisionInput } from './decide.ts';
import { decideLease, type LeaseDecision } from './decide-lease.ts';
import type { LeaseQuestion } from './lease-question.ts';
import { checkPolicy, type PolicyFindings } from './policy-check.ts';
import type { PolicyNeeds } from './policy-needs.ts';
import type { PolicyCase } from './policy-case.ts';
import { type CaseGround, type CaseResult, runPolicyCase } from './policy-test.ts';
import { PolicySet, unsound } from './policy-set.ts';
import type { PolicyFile, Rule } from './policy-source.ts';
import { type CallReach, type RatedCall, ratesOf } from './rule-conditions.ts';

export class PolicyHolder {
  readonly #cedar: Cedar;
  #set: PolicySet;

  private constructor(cedar: Cedar, set: PolicySet) {
    this.#cedar = cedar;
    this.#set = set;
  }

  /**
   * Opens with these files. They are parsed, not validated against the tools: a policy for a tool that
   * was removed since must not keep the daemon from starting, and an evaluation error denies anyway.
   *
   * @throws WarderError `usage` when a file does not parse.
   */
  static async open(files: readonly PolicyFile[]): Promise<PolicyHolder> {
    const cedar = await loadCedar();
    return new PolicyHolder(cedar, new PolicySet(cedar, files));
  }

  /** Digest of the set in force, SHA-256 hex. */
  get digest(): string {
    return this.#set.digest;
  }

  get files(): readonly PolicyFile[] {
    return this.#set.files;
  }

  /** For operators: every policy in force with its opaque id and place. */
  get rules(): readonly Rule[] {
    return this.#set.rules;
  }

  /** What the policies in force can look at: other facts need not be found out. */
  get needs(): PolicyNeeds {
    return this.#set.needs;
  }

  /** Budgets of declared rules in force, named `rule:NAME`. */
  get rates(): readonly Budget[] {
    return this.#set.rates.map(({ budget }) => budget.budget);
  }

  /** Those of them that count a call. */
  ratesOf(facts: RatedCall, reach: CallReach): readonly CompiledBudget[] {
    return ratesOf(this.#set, facts, reach);
  }

  /** What is wrong or doubtful with a draft; the files in force when none is given. */
  check(
    tools: readonly ToolDefinition[],
    files: readonly PolicyFile[] = this.files,
  ): PolicyFindings {
    return checkPolicy(this.#cedar, files, tools);
  }

  /**
   * Parses and validates a draft against the installed tools, without putting it in force.
   *
   * @throws WarderError `usage` with every fault and its place; the set in force stays.
   */
  prepare(files: readonly PolicyFile[], tools: readonly ToolDefinition[]): PolicySet {
    const { errors } = this.check(tools, files);
    if (errors.length > 0) throw unsound(errors);
    return new PolicySet(this.#cedar, files);
  }

  /** How cases go under a draft; the set in force stays. @throws WarderError `usage` for a bad draft. */
  test(
    files: readonly PolicyFile[],
    cases: readonly PolicyCase[],
    ground: Omit<CaseGround, 'policies'>,
  ): readonly CaseResult[] {
    const policies = new PolicySet(this.#cedar, files);
    try {
      return cases.map((each) => runPolicyCase(each, { ...ground, policies }));
    } finally {
      policies.close();
    }
  }

  /** Puts a prepared set in force. The one before it answers nothing from now on. */
  use(set: PolicySet): void {
    if (set === this.#set) return;
    const before = this.#set;
    this.#set = set;
    before.close();
  }

  /** Decides one call by the set in force. Never throws. */
  decide(input: DecisionInput): Decision {
    return decide(this.#set, input);
  }

  /** Decides a request for a lease by the set in force. Never throws. */
  decideLease(asked: LeaseQuestion): LeaseDecision {
    return decideLease(this.#set, asked);
  }

  /** Which policies these opaque ids stand for; for operators only. Unknown ids are left out. */
  explain(rules: readonly string[]): readonly Rule[] {
    return rules.flatMap((id) => this.#set.rule(id) ?? []);
  }
}
