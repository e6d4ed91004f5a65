// Makes of a file of rules what a policy set is made of: Cedar, terms the host tests, and rates.

import { showText } from '../../catalog/names.ts';
import { compileRule } from './compile-rule.ts';
import { ConditionTable } from './conditions.ts';
import { compileNames } from './names.ts';
import { readRules } from './read-rules.ts';
import { type RuleRate, rateOf } from './rule-rate.ts';

/** One policy of a rule. */
export interface RulePolicy {
  /** Of the rule in its file, from 1. */
  readonly line: number;
  /** Cedar, its comments saying in words what it names by id. */
  readonly text: string;
}

/** What the rules of a set came to. */
export class RuleSet {
  readonly conditions: ConditionTable = new ConditionTable();
  readonly #rates = new Map<string, RuleRate>();
  /** Places of rules by name. */
  readonly #places = new Map<string, string>();
  /** What rules name tools by, and where. */
  readonly #tools: { readonly place: string; readonly names: readonly string[] }[] = [];

  get rates(): readonly RuleRate[] {
    return [...this.#rates.values()];
  }

  /**
   * Adds a file. Never throws for what is in it.
   *
   * @returns its policies; or faults as `file:line: reason`, and then nothing of the file may be used.
   */
  add(
    file: string,
    text: string,
  ): { readonly policies: readonly RulePolicy[]; readonly faults: readonly string[] } {
    const read = readRules(text);
    const faults = read.faults.map(({ line, reason }) => `${file}:${line}: ${reason}`);
    if (faults.length > 0) return { policies: [], faults };
    const policies: RulePolicy[] = [];
    for (const rule of read.rules) {
      const place = `${file}:${rule.line}`;
      const twin = this.#places.get(rule.name);
      if (twin !== undefined) faults.push(`${place}: the name \`${rule.name}\` is used at ${twin}`);
      this.#places.set(rule.name, place);
      for (const compiled of compileRule(rule, this.conditions)) {
        policies.push({ line: rule.line, text: this.#annotated(compiled) });
      }
      for (const { field, names } of rule.selectors) {
        if (field === 'tools') this.#tools.push({ place, names });
      }
      const rate = rateOf(rule);
      if (rate !== undefined) this.#rates.set(rule.name, rate);
    }
    faults.push(...this.#excess());
    return { policies, faults };
  }

  /** Patterns of tools that name none of these: a slip of the finger, perhaps. */
  idlePatterns(tools: readonly string[]): readonly string[] {
    return this.#tools.flatMap(({ place, names }) =>
      names
        .filter((name) => !tools.some(compileNames([name])))
        .map((name) => `${place}: \`${name}\` names no installed tool`),
    );
  }

  #annotated(text: string): string {
    const ids = new Set(text.match(/\b(?:ceiling|window|names)_[0-9a-f]{32}\b/g));
    const lines = [...ids].flatMap((id) => {
      const said = this.conditions.describe(id);
      return said === undefined ? [] : `// ${id}: ${showText(said, LINE_MAX)}`;
    });
    return [...lines, text].join('\n');
  }

  /** What every request would have to be measured against, bounded. */
  #excess(): readonly string[] {
    const { size } = this.conditions;
    return (['ceilings', 'windows', 'names'] as const).flatMap((what) =>
      size[what] > MOST[what] ? `the rules have more than ${MOST[what]} different ${what}` : [],
    );
  }
}

const MOST = { ceilings: 128, windows: 64, names: 2000 } as const;
const LINE_MAX = 400;
