// What an operator should know of a policy set before it is put in force: faults and doubts, each with
// its place. `warder policy check` and `policy set` print it.

import type { ToolDefinition } from '../../catalog/installation.ts';
import { argumentMapping } from './argument-mapping.ts';
import type { Cedar } from './cedar.ts';
import { actionId, cedarSchema } from './cedar-schema.ts';
import { type NamedCategory, namedCategories } from './named-categories.ts';
import { type NamedSignal, namedSignals } from './named-signals.ts';
import { needsOf } from './policy-needs.ts';
import {
  isDeclared,
  personsOf,
  placeOf,
  placeOfRule,
  policyDigest,
  readPolicies,
  reasonOf,
  type PolicyFile,
  type Rule,
} from './policy-source.ts';

export interface PolicyFindings {
  /** Of the set as far as it could be read. */
  readonly digest: string;
  /** Not empty means the set must not be put in force. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Policies that take more than one person's yes. */
  readonly several: readonly { readonly place: string; readonly persons: number }[];
  readonly categories: readonly NamedCategory[];
  readonly signals: readonly NamedSignal[];
}

/** Most patterns without a tool that are named: a home without tools has no other. */
const IDLE_SHOWN = 50;

/** Parses and validates files against the installed tools. Changes nothing, never throws for content. */
export function checkPolicy(
  cedar: Cedar,
  files: readonly PolicyFile[],
  tools: readonly ToolDefinition[],
): PolicyFindings {
  const read = readPolicies(cedar, files);
  const errors = [...read.errors];
  const warnings = [...read.warnings];
  if (errors.length === 0) {
    validate(cedar, files, read.rules, tools, errors, warnings);
    for (const rule of read.rules) checkApproval(rule, warnings);
    const names = tools.map(({ name }) => name);
    warnings.push(...read.declared.idlePatterns(names).slice(0, IDLE_SHOWN));
    warnings.push(...unseenArguments(read.rules, tools));
    if (!read.rules.some(({ effect }) => effect === 'permit')) {
      warnings.push('no policy permits anything: every call will be refused');
    }
  }
  const several = read.rules
    .filter(({ approvals = 1 }) => approvals > 1)
    .map((rule) => ({ place: placeOfRule(rule), persons: personsOf([rule]) }));
  const categories = namedCategories(read.rules);
  const signals = namedSignals(read.rules);
  return { digest: policyDigest(read), errors, warnings, several, categories, signals };
}

function validate(
  cedar: Cedar,
  files: readonly PolicyFile[],
  rules: readonly Rule[],
  tools: readonly ToolDefinition[],
  errors: string[],
  warnings: string[],
): void {
  const schema = cedarSchema(tools);
  for (const file of files) {
    const own = new Map(
      rules.filter((rule) => rule.file === file.name).map((rule) => [rule.rule, rule]),
    );
    const staticPolicies = isDeclared(file)
      ? Object.fromEntries([...own].map(([id, { text }]) => [id, text]))
      : file.text;
    const answer = cedar.validate({ schema, policies: { staticPolicies } });
    if (answer.type === 'failure') {
      for (const error of answer.errors) errors.push(`${placeOf(file, error)}: ${reasonOf(error)}`);
      continue;
    }
    const line = ({ policyId, error }: (typeof answer.validationErrors)[number]): string => {
      const rule = isDeclared(file) ? own.get(policyId) : undefined;
      const place = rule === undefined ? placeOf(file, error) : placeOfRule(rule);
      return `${place}: ${reasonOf(error).replace(/^for policy `[^`]*`, /, '')}`;
    };
    errors.push(...answer.validationErrors.map(line));
    warnings.push(...answer.validationWarnings.map(line));
    warnings.push(
      ...answer.otherWarnings.map((error) => `${placeOf(file, error)}: ${reasonOf(error)}`),
    );
  }
}

function checkApproval(rule: Rule, warnings: string[]): void {
  const { context } = needsOf([rule.json]);
  const tests = context === 'all' || context.has('approved');
  if (rule.approval !== undefined && !tests) {
    warnings.push(
      `${placeOfRule(rule)}: no approval can lift this: it lacks \`unless { context.approved }\``,
    );
  }
  if (rule.approval === undefined && tests) {
    warnings.push(
      `${placeOfRule(rule)}: tests \`context.approved\` without \`@approval("reason")\`: ` +
        'nobody is asked for it',
    );
  }
}

/** Arguments policies that look at `context.args` do not see there. */
function unseenArguments(rules: readonly Rule[], tools: readonly ToolDefinition[]): string[] {
  const readers = rules.filter(({ json }) => {
    const { context } = needsOf([json]);
    return context === 'all' || context.has('args');
  });
  const warnings: string[] = [];
  for (const { name, inputSchema } of tools) {
    if (!readers.some(({ json }) => mayApply(json.action, actionId(name)))) continue;
    for (const { pointer, reason } of argumentMapping(inputSchema).unmapped) {
      warnings.push(
        `\`${name}\`: argument \`${pointer}\` is not in \`context.args\` (${reason}); ` +
          'it is named in `context.argsUnmapped` and stands in `context.argsJson`',
      );
    }
  }
  return warnings;
}

/** Whether a policy's action scope can hold for this action; in doubt, yes. */
function mayApply(scope: Rule['json']['action'], action: string): boolean {
  const same = (uid: unknown): boolean => {
    const { id } = ((uid as { __entity?: unknown }).__entity ?? uid) as { id?: unknown };
    return id === action || id === 'call';
  };
  if (scope.op === 'All') return true;
  if ('entities' in scope) return scope.entities.some(same);
  return 'entity' in scope ? same(scope.entity) : true;
}
