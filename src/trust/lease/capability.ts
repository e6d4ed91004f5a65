// Capabilities (RFC 9396 authorization details): strict reading, bad paths reported.

import { WarderError } from '../../base/errors/errors.ts';
import { type ArgumentRules, parseArgumentRules } from './argument-rule.ts';
import { GLOB_MAX, normalisePath } from './glob.ts';
import type { Capability } from './lease.ts';
import { parseOrigin } from './origin.ts';

export type { Capability } from './lease.ts';

/** Most capabilities in one lease. */
const CAPABILITIES_MAX = 64;
/** Most values in one list of a capability. */
const VALUES_MAX = 256;
/** Most problems that are told. */
const PROBLEMS_MAX = 32;

/** What one value of a list must be like. */
interface ValueRule {
  readonly test: (value: string) => boolean;
  readonly like: string;
}

const TOOL: ValueRule = {
  test: (value) => /^[A-Za-z0-9_.*-]{1,128}$/.test(value),
  like: 'an operation name, in which `*` may stand for anything',
};
const PATH: ValueRule = {
  test: (value) => value.length <= GLOB_MAX && value === normalisePath(value),
  like: 'an absolute path glob without empty, `.` or `..` segments, e.g. `/data/**`',
};
const METHOD: ValueRule = {
  test: (value) => /^(?:\*|[A-Z]{1,20})$/.test(value),
  like: 'a method in upper case, or `*`',
};
const ORIGIN: ValueRule = {
  test: (value) => value === '*' || parseOrigin(value) !== undefined,
  like: '`scheme://host[:port]` in lower case, the host perhaps `*.name`; or `*`',
};
const NAME: ValueRule = {
  test: (value) => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(value),
  like: 'the name of a secret',
};

/** The list members of each type; all are required and none may be empty. */
const LISTS: Readonly<Record<string, Readonly<Record<string, ValueRule>>>> = Object.assign(
  Object.create(null) as Record<string, Record<string, ValueRule>>,
  {
    'tool.call': { tools: TOOL },
    'fs.read': { paths: PATH },
    'fs.write': { paths: PATH },
    'http.call': { methods: METHOD, origins: ORIGIN, paths: PATH },
    spend: {},
    credential: { names: NAME },
    'lease.refresh': {},
  },
);
const TIMES = ['notBefore', 'notAfter'] as const;
/** Whole seconds well before the year 10000: every date library agrees on these. */
const TIME_MAX = 253_402_300_799;

/**
 * Reads a list of capabilities. Nothing is repaired or dropped: an unknown type or member, an empty
 * list (which elsewhere has meant "everything") and a value that is not in normal form are refused.
 *
 * @returns the same, deeply frozen.
 * @throws WarderError `malformed` that lists bad paths, up to 32; also in `data.problems`.
 */
export function parseCapabilities(json: unknown): readonly Capability[] {
  const problems: string[] = [];
  const parsed: Capability[] = [];
  if (!Array.isArray(json)) {
    problems.push('must be a list of capabilities');
  } else if (json.length > CAPABILITIES_MAX) {
    problems.push(`has more than ${CAPABILITIES_MAX} capabilities`);
  } else {
    for (const [at, item] of json.entries()) {
      const capability = parseOne(item, `[${at}]`, problems);
      if (capability !== undefined) parsed.push(capability);
    }
    checkCurrencies(parsed, problems);
  }
  if (problems.length > 0) {
    const told = problems.slice(0, PROBLEMS_MAX);
    throw new WarderError('malformed', `not a list of capabilities: ${told.join('; ')}`, {
      hint: 'see docs/leases.md for the types and their members',
      data: { problems: told },
    });
  }
  return Object.freeze(parsed);
}

/** Two caps for one currency would be one cap twice as high. */
function checkCurrencies(parsed: readonly Capability[], problems: string[]): void {
  const seen = new Set<string>();
  for (const each of parsed) {
    if (each.type !== 'spend') continue;
    if (seen.has(each.currency)) problems.push(`the currency ${each.currency} has two caps`);
    seen.add(each.currency);
  }
}

function parseOne(item: unknown, at: string, problems: string[]): Capability | undefined {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    problems.push(`${at} must be an object`);
    return undefined;
  }
  const fields = item as Readonly<Record<string, unknown>>;
  const { type } = fields;
  const lists = typeof type === 'string' ? LISTS[type] : undefined;
  if (lists === undefined) {
    problems.push(`${at}.type must be one of ${Object.keys(LISTS).join(', ')}`);
    return undefined;
  }
  const own = type === 'spend' ? ['currency', 'amount'] : type === 'tool.call' ? ['arguments'] : [];
  checkMembers(fields, ['type', ...Object.keys(lists), ...own, ...TIMES], at, problems);
  const parsed: Record<string, unknown> = { type };
  for (const [name, rule] of Object.entries(lists)) {
    parsed[name] = parseList(fields[name], `${at}.${name}`, rule, problems);
  }
  if (type === 'spend') Object.assign(parsed, parseSpend(fields, at, problems));
  if (type === 'tool.call' && fields['arguments'] !== undefined) {
    const rules: ArgumentRules = parseArgumentRules(
      fields['arguments'],
      `${at}.arguments`,
      problems,
    );
    parsed['arguments'] = rules;
  }
  Object.assign(parsed, parseTimes(fields, at, problems));
  // Every member was checked above against the table of its type.
  return Object.freeze(parsed) as unknown as Capability;
}

function parseSpend(
  fields: Readonly<Record<string, unknown>>,
  at: string,
  problems: string[],
): { readonly currency: unknown; readonly amount: unknown } {
  const { currency, amount } = fields;
  if (typeof currency !== 'string' || !/^[A-Z]{3,8}$/.test(currency)) {
    problems.push(`${at}.currency must be 3 to 8 capital letters`);
  }
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 1) {
    problems.push(`${at}.amount must be a positive whole number of the smallest unit`);
  }
  return { currency, amount };
}

function parseTimes(
  fields: Readonly<Record<string, unknown>>,
  at: string,
  problems: string[],
): Readonly<Record<string, unknown>> {
  const times: Record<string, number> = {};
  for (const name of TIMES) {
    const value = fields[name];
    if (value === undefined) continue;
    if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= TIME_MAX) {
      times[name] = value as number;
    } else {
      problems.push(`${at}.${name} must be whole seconds since 1970`);
    }
  }
  const { notBefore = 0, notAfter = Infinity } = times;
  if (notAfter <= notBefore) problems.push(`${at}.notAfter is not after its notBefore`);
  return times;
}

function parseList(
  value: unknown,
  at: string,
  rule: ValueRule,
  problems: string[],
): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > VALUES_MAX) {
    problems.push(`${at} must be a list of 1 to ${VALUES_MAX} values`);
    return [];
  }
  const seen = new Set<string>();
  for (const [index, item] of (value as readonly unknown[]).entries()) {
    if (typeof item !== 'string' || !rule.test(item)) {
      problems.push(`${at}[${index}] must be ${rule.like}`);
    } else if (seen.has(item)) {
      problems.push(`${at}[${index}] stands twice`);
    } else {
      seen.add(item);
    }
  }
  return Object.freeze([...seen]);
}

function checkMembers(
  fields: Readonly<Record<string, unknown>>,
  known: readonly string[],
  at: string,
  problems: string[],
): void {
  for (const name of Object.keys(fields)) {
    if (problems.length > PROBLEMS_MAX) return;
    if (!known.includes(name)) {
      const shown = JSON.stringify(name.slice(0, 40).toWellFormed());
      problems.push(`${at} has no member ${shown}, only ${known.join(', ')}`);
    }
  }
}
