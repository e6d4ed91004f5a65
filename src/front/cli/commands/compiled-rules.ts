// What declared rules come to, as `policy compile` prints it.

import { WarderError } from '../../../base/errors/errors.ts';
import type { Budget } from '../../../decide/limits/budget.ts';
import { isDeclared, type PolicyFile } from '../../../decide/policy/policy-source.ts';
import { type RulePolicy, RuleSet } from '../../../decide/rules/compile-rules.ts';

/** Compiles. @throws WarderError `usage` with every fault and its place. */
export function compiled(files: readonly PolicyFile[]): readonly CompiledFile[] {
  const declared = new RuleSet();
  const faults: string[] = [];
  const made = files.filter(isDeclared).map(({ name, text }) => {
    const before = declared.rates.length;
    const file = declared.add(name, text);
    faults.push(...file.faults);
    const rates = declared.rates.slice(before).map(({ budget }) => budget.budget);
    return { name, policies: file.policies, rates };
  });
  if (faults.length > 0) {
    throw new WarderError('usage', `the rules are not sound: ${faults.join('; ')}`, {
      hint: 'mend the named places; docs/policy.md has every member',
      data: { errors: faults },
    });
  }
  if (made.length > 0) return made;
  throw new WarderError('usage', 'there are no rules to compile', {
    hint: 'name a `.rules.json` file or a directory that holds some',
  });
}

/** A file of rules and what it came to. */
export interface CompiledFile {
  readonly name: string;
  readonly policies: readonly RulePolicy[];
  readonly rates: readonly Budget[];
}

/** As a file of Cedar would have it. */
export function compiledLines({ name, policies, rates }: CompiledFile): readonly string[] {
  return [
    ...policies.flatMap(({ line, text }) => [`// ${name}:${line}`, text, '']),
    ...rates.map(
      ({ name: budget, limit, period, zone, each }) =>
        `// budget ${budget}: ${limit} calls in each ${period}` +
        (zone === undefined ? '' : ` of ${zone}`) +
        (each.length === 0 ? '' : `, for each ${each.join(', ')}`),
    ),
  ];
}
