// A parsed policy set, ready to evaluate: one slot in Cedar's memory, and the one place that asks it.

import type { Context, EntityJson, EntityUid, Response } from '@cedar-policy/cedar-wasm/nodejs';
import { WarderError } from '../../base/errors/errors.ts';
import type { ConditionTable } from '../rules/conditions.ts';
import type { RuleRate } from '../rules/rule-rate.ts';
import type { Cedar } from './cedar.ts';
import { needsOf, type PolicyNeeds } from './policy-needs.ts';
import { policyDigest, readPolicies, type PolicyFile, type Rule } from './policy-source.ts';

/** A request in Cedar's terms. */
export interface PolicyQuestion {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Context;
  readonly entities: readonly EntityJson[];
}

/** What the policies say. Anything but a clean answer is `error`, which denies. */
export type PolicyAnswer =
  | { readonly verdict: 'allow'; readonly rules: readonly Rule[] }
  | { readonly verdict: 'deny'; readonly rules: readonly Rule[] }
  | {
      readonly verdict: 'error';
      readonly rules: readonly Rule[];
      readonly reasons: readonly string[];
    };

const MAX_ANSWERS = 1024;
const MAX_ANSWER_KEY = 4096;

/** Names of slots in Cedar's memory that a closed set gave back. */
const freeSlots: string[] = [];
let slots = 0;

export class PolicySet {
  readonly files: readonly PolicyFile[];
  readonly rules: readonly Rule[];
  /** SHA-256, hex; see {@link policyDigest}. */
  readonly digest: string;
  readonly needs: PolicyNeeds;
  /** Terms of declared rules that Cedar names by id. */
  readonly conditions: ConditionTable;
  /** Budgets of declared rules: in force as long as the set is. */
  readonly rates: readonly RuleRate[];
  readonly #cedar: Cedar;
  readonly #byId: ReadonlyMap<string, Rule>;
  readonly #answers = new Map<string, PolicyAnswer>();
  #slot: string | undefined;

  /**
   * Parses files into a set.
   *
   * @throws WarderError `usage` with every fault and its place.
   */
  constructor(cedar: Cedar, files: readonly PolicyFile[]) {
    const read = readPolicies(cedar, files);
    const { rules, errors, declared } = read;
    if (errors.length > 0) throw unsound(errors);
    this.files = Object.freeze(files.map(({ name, text }) => Object.freeze({ name, text })));
    this.rules = rules;
    this.digest = policyDigest(read);
    this.needs = needsOf(rules.map(({ json }) => json));
    this.conditions = declared.conditions;
    this.rates = declared.rates;
    this.#cedar = cedar;
    this.#byId = new Map(rules.map((rule) => [rule.rule, rule]));
    this.#slot = freeSlots.pop() ?? `set-${(slots += 1)}`;
    const staticPolicies = Object.fromEntries(rules.map(({ rule, text }) => [rule, text]));
    const parsed = cedar.preparsePolicySet(this.#slot, { staticPolicies });
    if (parsed.type === 'failure') throw unsound(parsed.errors.map(({ message }) => message));
  }

  /** The rule of that opaque id. */
  rule(id: string): Rule | undefined {
    return this.#byId.get(id);
  }

  /** Asks. A pure function of the set and the question; never throws. */
  ask(question: PolicyQuestion): PolicyAnswer {
    if (this.#slot === undefined) return failure(['the policy set was replaced']);
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = this.#evaluate(question, this.#slot);
    if (answer.verdict === 'error' || key.length > MAX_ANSWER_KEY) return answer;
    if (this.#answers.size >= MAX_ANSWERS) this.#answers.clear();
    this.#answers.set(key, answer);
    return answer;
  }

  /** Frees the memory the set holds; it answers `error` from now on. */
  close(): void {
    if (this.#slot === undefined) return;
    this.#cedar.preparsePolicySet(this.#slot, { staticPolicies: {} });
    freeSlots.push(this.#slot);
    this.#slot = undefined;
    this.#answers.clear();
  }

  #evaluate(question: PolicyQuestion, slot: string): PolicyAnswer {
    try {
      const answer = this.#cedar.statefulIsAuthorized({
        principal: question.principal,
        action: question.action,
        resource: question.resource,
        context: question.context,
        entities: [...question.entities],
        preparsedPolicySetId: slot,
      });
      if (answer.type === 'failure') return failure(answer.errors.map(({ message }) => message));
      return this.#judge(answer.response);
    } catch (thrown) {
      return failure([thrown instanceof Error ? thrown.message : String(thrown)]);
    }
  }

  /** Cedar skips a policy that errs and may still say "allow": here any error is the answer. */
  #judge({ decision, diagnostics }: Response): PolicyAnswer {
    if (diagnostics.errors.length > 0) {
      const rules = diagnostics.errors.flatMap(({ policyId }) => this.#byId.get(policyId) ?? []);
      return failure(
        diagnostics.errors.map(({ error }) => error.message),
        rules,
      );
    }
    const rules: Rule[] = [];
    for (const id of diagnostics.reason) {
      const rule = this.#byId.get(id);
      const expected = decision === 'allow' ? 'permit' : 'forbid';
      if (rule?.effect !== expected) return failure([`a decision rests on \`${id}\``]);
      rules.push(rule);
    }
    if (decision === 'deny') return { verdict: 'deny', rules };
    if (rules.length === 0) return failure(['an allow rests on nothing']);
    return { verdict: 'allow', rules };
  }
}

function failure(reasons: readonly string[], rules: readonly Rule[] = []): PolicyAnswer {
  return { verdict: 'error', rules, reasons };
}

/** @internal What a set with these faults is refused with. */
export function unsound(errors: readonly string[]): WarderError {
  const more = errors.length > 3 ? ` and ${errors.length - 3} more` : '';
  return new WarderError(
    'usage',
    `the policy is not sound: ${errors.slice(0, 3).join('; ')}${more}`,
    {
      hint: 'nothing was changed; mend the named places, see `warder policy check`',
      data: { errors: errors.slice(0, 50) },
    },
  );
}
