// What a lease lets its holder do, said a second time and in the plainest way, to judge the first by.

import type { LeaseClaims } from '../../src/trust/lease/lease.ts';

/** One thing done at one time. */
export interface Deed {
  readonly at: number;
  readonly kind: string;
  readonly value: string;
  readonly method?: string;
  readonly origin?: string;
  readonly amount?: number;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** Whether the lease alone, whatever it was made from, lets its holder do this. */
export function allows(lease: LeaseClaims, deed: Deed): boolean {
  if (deed.at < lease.nbf || deed.at >= lease.exp) return false;
  const details = lease.authorization_details as unknown as readonly Record<string, unknown>[];
  return details.some((detail) => {
    if (detail['type'] !== deed.kind) return false;
    if (detail['notBefore'] !== undefined && deed.at < Number(detail['notBefore'])) return false;
    if (detail['notAfter'] !== undefined && deed.at >= Number(detail['notAfter'])) return false;
    const has = (member: string, value: string): boolean =>
      (detail[member] as readonly string[]).some((pattern) => reads(pattern, value));
    switch (deed.kind) {
      case 'tool.call': {
        if (!has('tools', deed.value)) return false;
        const rules = detail['arguments'] as Readonly<Record<string, Rule>> | undefined;
        return rules === undefined || argumentsAllowed(rules, deed.arguments ?? {});
      }
      case 'fs.read':
      case 'fs.write':
        return has('paths', deed.value);
      case 'http.call':
        return (
          ((detail['methods'] as string[]).includes('*') ||
            (detail['methods'] as string[]).includes(deed.method ?? '')) &&
          (detail['origins'] as string[]).some((each) => originReads(each, deed.origin ?? '')) &&
          has('paths', deed.value)
        );
      case 'spend':
        return detail['currency'] === deed.value && (deed.amount ?? 0) <= Number(detail['amount']);
      case 'credential':
        return (detail['names'] as string[]).includes(deed.value);
      default:
        return true;
    }
  });
}

interface Rule {
  readonly optional?: boolean;
  readonly any?: boolean;
  readonly in?: readonly unknown[];
  readonly glob?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

function argumentsAllowed(
  rules: Readonly<Record<string, Rule>>,
  given: Readonly<Record<string, unknown>>,
): boolean {
  const missing = Object.keys(rules).filter((name) => !Object.hasOwn(given, name));
  if (missing.some((name) => rules[name]?.optional !== true)) return false;
  return Object.keys(given).every((name) => {
    const rule = rules[name];
    if (rule === undefined) return false;
    const value = given[name];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return rule.any === true || values.every((each) => valueAllowed(rule, each));
  });
}

function valueAllowed(rule: Rule, value: unknown): boolean {
  if (rule.in !== undefined) return rule.in.includes(value);
  if (rule.glob !== undefined) {
    return typeof value === 'string' && rule.glob.some((pattern) => reads(pattern, value));
  }
  if (typeof value !== 'number') return false;
  if (rule.min !== undefined && value < rule.min) return false;
  return rule.max === undefined || value <= rule.max;
}

/** Tries every way the stars can be read. */
function reads(pattern: string, value: string): boolean {
  if (pattern === '') return value === '';
  if (pattern.startsWith('**')) {
    const rest = pattern.replace(/^\*+/, '');
    for (let at = 0; at <= value.length; at += 1) if (reads(rest, value.slice(at))) return true;
    return false;
  }
  if (pattern.startsWith('*')) {
    for (let at = 0; at <= value.length; at += 1) {
      if (reads(pattern.slice(1), value.slice(at))) return true;
      if (value[at] === '/') return false;
    }
    return false;
  }
  return value[0] === pattern[0] && reads(pattern.slice(1), value.slice(1));
}

function originReads(pattern: string, origin: string): boolean {
  if (pattern === '*') return true;
  const [left, right] = [take(pattern), take(origin)];
  if (left.scheme !== right.scheme || left.port !== right.port) return false;
  if (left.host === '*' || left.host === right.host) return true;
  return left.host.startsWith('*.') && right.host.endsWith(left.host.slice(1));
}

function take(origin: string): { scheme: string; host: string; port: string } {
  const [scheme = '', rest = ''] = origin.split('://');
  const [, host = '', port = scheme === 'https' ? '443' : '80'] =
    /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(rest) ?? [];
  return { scheme, host, port };
}
