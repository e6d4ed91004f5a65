// What a lease says about the arguments of a tool: a closed list, each with the values it may have.

import { type Effort, globWithin } from './glob-within.ts';
import { compileGlob, GLOB_MAX, isNormalValue } from './glob.ts';

/** A value an argument may have, compared by `===`. */
export type Scalar = string | number | boolean | null;

/**
 * The values one argument may have; of a list each item has to be one of them. An argument without a rule
 * may not be given at all, and one that is not `optional` has to be.
 */
export type ArgumentRule = { readonly optional?: true } & (
  | { readonly any: true }
  | { readonly in: readonly Scalar[] }
  /** Text in normal form: no empty, `.` or `..` segment, no backslash, no control character. */
  | { readonly glob: readonly string[] }
  | { readonly min?: number; readonly max?: number }
);

export type ArgumentRules = Readonly<Record<string, ArgumentRule>>;

/** Most arguments with rules, and most values of one rule. */
const RULES_MAX = 64;
const VALUES_MAX = 256;
const TEXT_MAX = 1024;

/**
 * Reads the rules of one capability. Paths of what is wrong go to `problems`.
 *
 * @returns the same, frozen, names without a prototype behind them.
 */
export function parseArgumentRules(json: unknown, at: string, problems: string[]): ArgumentRules {
  const rules = Object.create(null) as Record<string, ArgumentRule>;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    problems.push(`${at} must be an object of rules by argument name`);
    return rules;
  }
  const entries = Object.entries(json as Readonly<Record<string, unknown>>);
  if (entries.length > RULES_MAX) problems.push(`${at} has more than ${RULES_MAX} arguments`);
  for (const [name, rule] of entries.slice(0, RULES_MAX)) {
    const shown = `${at}[${JSON.stringify(name.slice(0, 40).toWellFormed())}]`;
    if (!/^[\p{L}\p{N}_.$ -]{1,128}$/u.test(name) || name === '__proto__') {
      problems.push(`${shown} is no name of an argument`);
      continue;
    }
    const parsed = parseRule(rule);
    if (typeof parsed === 'string') problems.push(`${shown} ${parsed}`);
    else rules[name] = parsed;
  }
  return Object.freeze(rules);
}

/** @returns the rule, or what is wrong with it. */
function parseRule(json: unknown): ArgumentRule | string {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'must be an object';
  const { optional, ...rest } = json as Readonly<Record<string, unknown>>;
  if (optional !== undefined && optional !== true) return 'has an `optional` that is not `true`';
  const more: { readonly optional?: true } = optional === true ? { optional } : {};
  const names = Object.keys(rest).sort().join();
  switch (names) {
    case 'any':
      return rest['any'] === true ? Object.freeze({ any: true, ...more }) : '`any` must be `true`';
    case 'in': {
      const values = listOf(rest['in'], isScalar);
      return values === undefined
        ? '`in` must be a list of different texts, numbers, booleans or null'
        : Object.freeze({ in: values, ...more });
    }
    case 'glob': {
      const values = listOf(rest['glob'], isPattern);
      return values === undefined
        ? '`glob` must be a list of different globs in normal form'
        : Object.freeze({ glob: values, ...more });
    }
    case 'min':
    case 'max':
    case 'max,min': {
      const { min, max } = rest as { readonly min?: unknown; readonly max?: unknown };
      if (!isBound(min) || !isBound(max)) return '`min` and `max` must be whole numbers';
      if (min !== undefined && max !== undefined && min > max)
        return 'has its `min` above its `max`';
      return Object.freeze({
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        ...more,
      });
    }
    default:
      return 'must have one of `any`, `in`, `glob`, or `min` and `max`';
  }
}

/** Whether these arguments are all among those the rules let through. */
export function argumentsFit(
  rules: ArgumentRules,
  given: Readonly<Record<string, unknown>>,
): boolean {
  for (const [name, rule] of Object.entries(rules)) {
    if (rule.optional !== true && !Object.hasOwn(given, name)) return false;
  }
  return Object.entries(given).every(([name, value]) => {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) return false;
    return Array.isArray(value) ? value.every((item) => fits(rule, item)) : fits(rule, value);
  });
}

function fits(rule: ArgumentRule, value: unknown): boolean {
  if ('any' in rule) return true;
  if ('in' in rule) return rule.in.some((each) => each === value);
  if ('glob' in rule) {
    if (typeof value !== 'string' || !isNormalValue(value)) return false;
    return rule.glob.some((pattern) => compileGlob(pattern)(value));
  }
  const { min = -Infinity, max = Infinity } = rule;
  // Written so that a value that is no number is out of bounds.
  return typeof value === 'number' && value >= min && value <= max;
}

/** Whether whatever fits `narrow` fits `wide` too; says yes only with a proof. */
export function rulesWithin(narrow: ArgumentRules, wide: ArgumentRules, effort: Effort): boolean {
  for (const [name, rule] of Object.entries(wide)) {
    if (rule.optional !== true && !Object.hasOwn(narrow, name)) return false;
  }
  return Object.entries(narrow).every(([name, rule]) => {
    const parent = Object.hasOwn(wide, name) ? wide[name] : undefined;
    if (parent === undefined || (rule.optional === true && parent.optional !== true)) return false;
    return ruleWithin(rule, parent, effort);
  });
}

function ruleWithin(narrow: ArgumentRule, wide: ArgumentRule, effort: Effort): boolean {
  if ('any' in wide) return true;
  if ('any' in narrow) return false;
  if ('in' in narrow) {
    const cost = narrow.in.length * ('glob' in wide ? wide.glob.length * 64 : VALUES_MAX);
    return effort.take(cost) && narrow.in.every((value) => fits(wide, value));
  }
  if ('glob' in narrow) {
    if (!('glob' in wide)) return false;
    return narrow.glob.every((each) =>
      wide.glob.some((pattern) => globWithin(each, pattern, effort)),
    );
  }
  if ('in' in wide || 'glob' in wide) return false;
  const { min = -Infinity, max = Infinity } = wide;
  return (narrow.min ?? -Infinity) >= min && (narrow.max ?? Infinity) <= max;
}

function listOf<T>(json: unknown, test: (value: unknown) => value is T): readonly T[] | undefined {
  if (!Array.isArray(json) || json.length === 0 || json.length > VALUES_MAX) return undefined;
  const values = json as readonly unknown[];
  return values.every(test) && new Set(values).size === values.length
    ? Object.freeze([...values])
    : undefined;
}

function isScalar(value: unknown): value is Scalar {
  if (typeof value === 'string') return value.length <= TEXT_MAX && value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'boolean' || value === null;
}

function isPattern(value: unknown): value is string {
  return typeof value === 'string' && value.length <= GLOB_MAX && isNormalValue(value);
}

function isBound(value: unknown): value is number | undefined {
  return value === undefined || Number.isSafeInteger(value);
}
