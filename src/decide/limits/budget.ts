// What a budget is: an amount of something that calls of some scope may use in each period.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { didYouMean, showText } from '../../catalog/names.ts';
import { compileGlob } from '../../trust/lease/glob.ts';
import { isZone, type Period, periods } from './period.ts';

/** What is counted. Money is counted in the smallest unit of its currency. */
export type Measure = 'calls' | 'requests' | 'net-bytes' | 'cpu-ms' | { readonly currency: string };

/** Facts of a call that a scope selects by, and that counters can be kept apart by. */
export interface BudgetSubject {
  readonly tool: string;
  /** Name of the installation. */
  readonly installation: string;
  /** Categories of the installation; there may be none. */
  readonly category: readonly string[];
  readonly principal: string;
  /** Name of the agent whose channel it came through. */
  readonly agent: string;
  /** State keys of the lease and of those it was made from: delegating gives no fresh amount. */
  readonly lease: readonly string[];
}

export type SubjectField = keyof BudgetSubject;

/** Every fact, as it is written. */
export const subjectFields: readonly SubjectField[] = [
  'tool',
  'installation',
  'category',
  'principal',
  'agent',
  'lease',
];
const COUNTED: readonly string[] = ['calls', 'requests', 'net-bytes', 'cpu-ms'];

/** A budget of one tenant. Key: its name. */
export interface Budget {
  readonly name: string;
  readonly measure: Measure;
  /** Whole; at most 2^53 - 1. */
  readonly limit: number;
  readonly period: Period;
  /** IANA zone the period is reckoned in; UTC when absent. */
  readonly zone?: string;
  /** Globs a call's facts must match, all of them; none: every call of the tenant. */
  readonly scope: Readonly<Partial<Record<SubjectField, string>>>;
  /** Facts that each have the whole amount to themselves: `agent` gives each agent its own. */
  readonly each: readonly SubjectField[];
}

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
const CURRENCY = /^[A-Z]{3,8}$/;
const MEMBERS = ['name', 'measure', 'limit', 'period', 'zone', 'scope', 'each'];

/**
 * Reads a budget strictly: nothing is dropped, an empty scope is written as `{}`.
 *
 * @throws WarderError `malformed` that lists every bad member.
 */
export function parseBudget(json: Json): Budget {
  const problems: string[] = [];
  const fields = isObject(json) ? json : {};
  if (!isObject(json)) problems.push('it is not an object');
  for (const member of Object.keys(fields)) unknown(member, MEMBERS, '', problems);
  const { name, measure, limit, period, zone, scope, each } = fields;
  if (typeof name !== 'string' || !NAME.test(name)) {
    problems.push('`name` is not of lower-case letters, digits and `-`');
  }
  if (!Number.isSafeInteger(limit) || (limit as number) < 0) {
    problems.push('`limit` is not a whole number of 0 or more');
  }
  if (!periods.includes(period as Period)) problems.push(`\`period\` is not ${list(periods)}`);
  if (zone !== undefined && (typeof zone !== 'string' || !isZone(zone))) {
    problems.push('`zone` is not a time zone like `Europe/Berlin`');
  }
  const counted = readMeasure(measure, problems);
  const selected = readScope(scope, problems);
  const apart = each ?? [];
  if (
    !Array.isArray(apart) ||
    apart.some((field) => !subjectFields.includes(field as SubjectField))
  ) {
    problems.push(`\`each\` is not a list of ${list(subjectFields)}`);
  }
  if (problems.length > 0) {
    throw new WarderError('malformed', `that is no budget: ${problems.join('; ')}`, {
      hint: 'docs/policy.md shows one',
      data: { problems },
    });
  }
  return Object.freeze({
    name: name as string,
    measure: counted,
    limit: limit as number,
    period: period as Period,
    ...(zone === undefined ? {} : { zone: zone as string }),
    scope: selected,
    each: Object.freeze([...new Set(apart as SubjectField[])].sort()),
  });
}

function readMeasure(value: Json | undefined, problems: string[]): Measure {
  if (typeof value === 'string' && COUNTED.includes(value)) return value as Measure;
  if (isObject(value) && Object.keys(value).length === 1) {
    const { currency } = value;
    if (typeof currency === 'string' && CURRENCY.test(currency)) return Object.freeze({ currency });
  }
  problems.push(`\`measure\` is not ${list(COUNTED)} or \`{"currency": "EUR"}\``);
  return 'calls';
}

function readScope(value: Json | undefined, problems: string[]): Budget['scope'] {
  const scope: Partial<Record<SubjectField, string>> = {};
  if (!isObject(value)) {
    problems.push('`scope` is not an object; `{}` is every call');
    return scope;
  }
  for (const [field, glob] of Object.entries(value)) {
    if (unknown(field, subjectFields, 'scope.', problems)) continue;
    if (typeof glob === 'string' && glob !== '' && glob.length <= 256) {
      scope[field as SubjectField] = glob;
    } else {
      problems.push(`\`scope.${field}\` is not a glob`);
    }
  }
  return Object.freeze(scope);
}

function unknown(
  member: string,
  known: readonly string[],
  at: string,
  problems: string[],
): boolean {
  if (known.includes(member)) return false;
  const near = didYouMean(member, known);
  const meant = near === undefined ? '' : `, did you mean \`${at}${near}\`?`;
  problems.push(`unknown member \`${at}${showText(member)}\`${meant}`);
  return true;
}

function list(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whose amount it is: the facts a budget keeps apart. Of a call without category that fact is empty. */
export type Taker = Readonly<Partial<Record<SubjectField, string>>>;

/** A budget with its globs compiled. */
export interface CompiledBudget {
  readonly budget: Budget;
  /** Whose amounts a call takes from, each in full; none: the budget does not cover it. */
  readonly takersOf: (subject: BudgetSubject) => readonly Taker[];
}

export function compileBudget(budget: Budget): CompiledBudget {
  const tests = Object.entries(budget.scope).map(
    ([field, glob]) => [field as SubjectField, compileGlob(glob)] as const,
  );
  return {
    budget,
    takersOf: (subject) => {
      const matched: Partial<Record<SubjectField, readonly string[]>> = {};
      for (const [field, matches] of tests) {
        const values = [subject[field]].flat().filter(matches);
        if (values.length === 0) return [];
        matched[field] = values;
      }
      return budget.each.reduce<readonly Taker[]>(
        (takers, field) => {
          const values = matched[field] ?? [subject[field]].flat();
          const named = values.length === 0 ? [''] : values;
          return takers.flatMap((taker) => named.map((value) => ({ ...taker, [field]: value })));
        },
        [{}],
      );
    },
  };
}

/** `EUR`, `calls`: a measure as one word. */
export function measureName(measure: Measure): string {
  return typeof measure === 'string' ? measure : measure.currency;
}
