// Which requests the net rules of a permit cover: deny beats allow, special addresses only by address.

import type { NetRule } from '../../catalog/installation.ts';
import { compileGlob } from '../../trust/lease/glob.ts';
import { type Address, classOf, inBlock, readBlock } from '../../catalog/address.ts';
import { normalEncoding, type Target } from './target.ts';

/** The net rules of one permit, compiled. */
export interface NetRules {
  /** Whether the URL as asked is covered, before any name is looked up. */
  coversRequest(method: string, target: Target): boolean;
  /** Whether the request may go to this address: that of the URL, or one its name stands for. */
  coversAddress(method: string, target: Target, address: Address): boolean;
}

/** @throws whatever `compileGlob` throws for a malformed path glob: rules that cannot be read cover nothing. */
export function compileRules(allow: readonly NetRule[], deny: readonly NetRule[]): NetRules {
  const allowed = allow.map((rule) => compile(rule, compileGlob(normalEncoding(rule.path))));
  const denied = deny.map((rule) => compile(rule, everyReading(rule.path)));
  return {
    coversRequest: (method, target) =>
      allowed.some((rule) => rule.covers(method, target) && rule.namesHost(target)) &&
      !denied.some((rule) => rule.covers(method, target) && rule.namesHost(target)),
    coversAddress: (method, target, address) => {
      const kind = classOf(address);
      if (kind === 'never') return false;
      const gives = (rule: CompiledRule): boolean =>
        rule.covers(method, target) && rule.givesAddress(address);
      return !denied.some(gives) && (kind === 'public' || allowed.some(gives));
    },
  };
}

const known = new WeakMap<readonly NetRule[], { deny: readonly NetRule[]; rules: NetRules }>();

/** As {@link compileRules}; the rules of permits of one grant are compiled once. */
export function rulesOf(allow: readonly NetRule[], deny: readonly NetRule[]): NetRules {
  const before = known.get(allow);
  if (before?.deny === deny) return before.rules;
  const rules = compileRules(allow, deny);
  known.set(allow, { deny, rules });
  return rules;
}

interface CompiledRule {
  /** Method, scheme, port and path: everything but the host. */
  covers(method: string, target: Target): boolean;
  /** Whether the rule's host is the URL's: its name, or a block its address lies in. */
  namesHost(target: Target): boolean;
  /** Whether the rule gives an address or block that holds this one. */
  givesAddress(address: Address): boolean;
}

function compile(rule: NetRule, matchesPath: (path: string) => boolean): CompiledRule {
  const { methods, scheme, port } = rule;
  const block = readBlock(rule.host);
  const name = rule.host.toLowerCase();
  return {
    covers: (method, target) =>
      target.scheme === scheme &&
      target.port === port &&
      (methods.includes('*') || methods.includes(method)) &&
      matchesPath(target.path),
    namesHost: ({ address, host }) =>
      address === undefined
        ? block === undefined && namesMatch(name, host)
        : block !== undefined && inBlock(address, block),
    givesAddress: (address) => block !== undefined && inBlock(address, block),
  };
}

/** `*` is any name, `*.name` any name below it, and neither is an address. */
function namesMatch(rule: string, host: string): boolean {
  if (rule === '*') return true;
  if (rule.startsWith('*.')) return host.endsWith(rule.slice(1)) && host.length > rule.length - 1;
  return rule === host;
}

/**
 * Matches when any way a server may read the path does: as it stands, decoded, without doubled
 * slashes and `;parameters`, whatever its case. A rule that denies must hold for each of them.
 */
function everyReading(glob: string): (path: string) => boolean {
  const exact = compileGlob(normalEncoding(glob));
  const lower = compileGlob(decoded(glob).toLowerCase());
  return (path) => {
    const bare = decoded(path)
      .replace(/;[^/]*/g, '')
      .replace(/\/{2,}/g, '/');
    const trimmed = bare.length > 1 ? bare.replace(/\/$/, '') : bare;
    return [path, decoded(path), bare, trimmed, `${trimmed}/`].some(
      (reading) => exact(reading) || lower(reading.toLowerCase()),
    );
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // Bytes that are not UTF-8 stay as they are.
    return path;
  }
}
