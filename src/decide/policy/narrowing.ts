// Rules of a grant narrowed by capabilities of a lease. An intersection that rules cannot say is left
// out: a permit may reach less than both, never more than either.

import type { DirectoryGrant, NetRule, SecretRule } from '../../catalog/installation.ts';
import { compileGlob } from '../../trust/lease/glob.ts';
import type { Cost } from '../limits/cost.ts';
import type { Capability, HttpCapability } from '../../trust/lease/lease.ts';

const MAX_RULES = 256;

/** Whether a `tool.call` capability names this operation. */
export function coversTool(capabilities: readonly Capability[], tool: string): boolean {
  return capabilities.some(
    (each) => each.type === 'tool.call' && each.tools.some((pattern) => compileGlob(pattern)(tool)),
  );
}

/** Whether a `spend` capability names the currency, with this much in it at least. */
export function coversCost(capabilities: readonly Capability[], cost: Cost): boolean {
  return capabilities.some(
    (each) =>
      each.type === 'spend' && each.currency === cost.currency && each.amount >= cost.amount,
  );
}

/** Net rules ∩ `http.call` capabilities. */
export function narrowNet(
  rules: readonly NetRule[],
  capabilities: readonly Capability[],
): readonly NetRule[] {
  const narrowed = new Map<string, NetRule>();
  for (const capability of capabilities) {
    if (capability.type !== 'http.call') continue;
    for (const rule of rules) {
      for (const each of narrowRule(rule, capability)) narrowed.set(JSON.stringify(each), each);
    }
  }
  return [...narrowed.values()].slice(0, MAX_RULES);
}

function narrowRule(rule: NetRule, capability: HttpCapability): NetRule[] {
  const methods = narrowMethods(rule.methods, capability.methods);
  if (methods.length === 0) return [];
  const hosts = capability.origins.flatMap((origin) => narrowHost(rule, origin) ?? []);
  const paths = capability.paths.flatMap((path) => narrowGlob(rule.path, path) ?? []);
  return hosts.flatMap((host) => paths.map((path) => ({ ...rule, methods, host, path })));
}

function narrowMethods(one: readonly string[], other: readonly string[]): readonly string[] {
  if (one.includes('*')) return other;
  if (other.includes('*')) return one;
  return one.filter((method) => other.includes(method));
}

const ORIGIN = /^(https?):\/\/(\[[^\]]*\]|[^:/]*)(?::(\d{1,5}))?$/;

/** The host that both a rule and an origin of a capability name, if there is one. */
function narrowHost(rule: NetRule, origin: string): string | undefined {
  if (origin === '*') return rule.host;
  const [, scheme, name, port] = ORIGIN.exec(origin) ?? [];
  if (scheme !== rule.scheme || name === undefined) return undefined;
  if (Number(port ?? (scheme === 'https' ? 443 : 80)) !== rule.port) return undefined;
  const host = name.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (host === rule.host || host === '*') return rule.host;
  if (rule.host === '*' || liesBelow(host, rule.host)) return host;
  return liesBelow(rule.host, host) ? rule.host : undefined;
}

/** Whether every name `host` stands for lies below the `*.name` of `wildcard`. */
function liesBelow(host: string, wildcard: string): boolean {
  return wildcard.startsWith('*.') && host.replace(/^\*/, '').endsWith(wildcard.slice(1));
}

/** A glob for the paths that both globs name; undefined when there is none, or none can be written. */
export function narrowGlob(one: string, other: string): string | undefined {
  if (one === other || other === '/**') return one;
  if (one === '/**') return other;
  const narrowed = narrowSegments(one.split('/').slice(1), other.split('/').slice(1));
  return narrowed === undefined ? undefined : `/${narrowed.join('/')}`;
}

/** Takes `**` for at least one segment, which is right whether or not it may also stand for none. */
function narrowSegments(
  one: readonly string[],
  other: readonly string[],
): readonly string[] | undefined {
  const narrowed: string[] = [];
  for (let at = 0; at < one.length || at < other.length; at += 1) {
    const [a, b] = [one[at], other[at]];
    if (a === undefined || b === undefined) return undefined;
    if (a === '**' && at === one.length - 1) return [...narrowed, ...other.slice(at)];
    if (b === '**' && at === other.length - 1) return [...narrowed, ...one.slice(at)];
    if (a === b || (b === '*' && isNamed(a))) narrowed.push(a);
    else if (a === '*' && isNamed(b)) narrowed.push(b);
    else return undefined;
  }
  return narrowed;
}

function isNamed(segment: string): boolean {
  return segment !== '' && !segment.includes('**');
}

/** Directories ∩ `fs.read` or `fs.write` capabilities: those whose every path a capability names. */
export function narrowDirectories(
  directories: readonly DirectoryGrant[],
  type: 'fs.read' | 'fs.write',
  capabilities: readonly Capability[],
): readonly DirectoryGrant[] {
  const globs = capabilities.flatMap((each) => (each.type === type ? each.paths : []));
  return directories.filter(({ guest }) => globs.some((glob) => coversDirectory(glob, guest)));
}

function coversDirectory(glob: string, guest: string): boolean {
  if (glob === '/**') return true;
  if (!glob.endsWith('/**')) return false;
  const root = glob.slice(0, -3);
  return !root.includes('*') && (guest === root || guest.startsWith(`${root}/`));
}

/** Secret rules whose secret a `credential` capability names. */
export function narrowSecrets(
  rules: readonly SecretRule[],
  capabilities: readonly Capability[],
): readonly SecretRule[] {
  const names = new Set(
    capabilities.flatMap((each) => (each.type === 'credential' ? each.names : [])),
  );
  return rules.filter(({ secret }) => names.has(secret));
}
