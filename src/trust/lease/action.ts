// One thing somebody wants to do, and whether capabilities cover it. Policy and holders ask here alike.

import { type ArgumentRules, argumentsFit } from './argument-rule.ts';
import { compileGlob, normalisePath } from './glob.ts';
import type { Capability, HttpCapability } from './lease.ts';
import { originWithin } from './origin.ts';

/** What is to be done, by one capability type each. */
export type Action =
  | {
      readonly type: 'tool.call';
      readonly tool: string;
      readonly arguments: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'fs.read' | 'fs.write'; readonly path: string }
  | { readonly type: 'http.call'; readonly method: string; readonly url: string }
  | { readonly type: 'spend'; readonly currency: string; readonly amount: number }
  | { readonly type: 'credential'; readonly name: string }
  | { readonly type: 'lease.refresh' };

/** Whether one of the capabilities covers all of the action. Spends nothing, asks nobody. */
export function covers(capabilities: readonly Capability[], action: Action, now: number): boolean {
  return capabilities.some((each) => holdsAt(each, now) && coversOne(each, action));
}

/** The last answer about a list of which not all held. */
const lastActive = new WeakMap<readonly Capability[], readonly Capability[]>();

/** Those that hold now; the same list when all do, and as long as the same ones do. */
export function activeCapabilities(
  capabilities: readonly Capability[],
  now: number,
): readonly Capability[] {
  if (capabilities.every((each) => holdsAt(each, now))) return capabilities;
  const active = Object.freeze(capabilities.filter((each) => holdsAt(each, now)));
  const last = lastActive.get(capabilities);
  const same = last?.length === active.length && last.every((each, at) => each === active[at]);
  if (same) return last;
  lastActive.set(capabilities, active);
  return active;
}

/** When the first of the capabilities ends, wall milliseconds. */
export function firstEnd(capabilities: readonly Capability[]): number {
  return Math.min(...capabilities.map(({ notAfter = Infinity }) => notAfter * 1000));
}

function holdsAt({ notBefore = 0, notAfter = Infinity }: Capability, now: number): boolean {
  return now >= notBefore * 1000 && now < notAfter * 1000;
}

function coversOne(capability: Capability, action: Action): boolean {
  switch (capability.type) {
    case 'tool.call':
      return (
        action.type === 'tool.call' &&
        matchesAny(capability.tools, action.tool) &&
        argumentsCovered(capability.arguments, action.arguments)
      );
    case 'fs.read':
    case 'fs.write':
      return (
        action.type === capability.type &&
        normalisePath(action.path) === action.path &&
        matchesAny(capability.paths, action.path)
      );
    case 'http.call':
      return action.type === 'http.call' && coversRequest(capability, action.method, action.url);
    case 'spend':
      return (
        action.type === 'spend' &&
        action.currency === capability.currency &&
        Number.isSafeInteger(action.amount) &&
        action.amount >= 0 &&
        action.amount <= capability.amount
      );
    case 'credential':
      return action.type === 'credential' && capability.names.includes(action.name);
    case 'lease.refresh':
      return action.type === 'lease.refresh';
  }
}

function argumentsCovered(
  rules: ArgumentRules | undefined,
  given: Readonly<Record<string, unknown>>,
): boolean {
  return rules === undefined || argumentsFit(rules, given);
}

function matchesAny(patterns: readonly string[], value: string): boolean {
  return patterns.some((pattern) => compileGlob(pattern)(value));
}

/** A URL has to be in the one form a parser leaves as it is, and must not hide a separator. */
function coversRequest(capability: HttpCapability, method: string, text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.href !== text || url.username !== '' || url.password !== '') return false;
  if (/%(?:2[ef]|5c|00)/i.test(url.pathname) || normalisePath(url.pathname) === undefined) {
    return false;
  }
  return (
    (capability.methods.includes('*') || capability.methods.includes(method)) &&
    capability.origins.some((origin) => originWithin(url.origin, origin)) &&
    matchesAny(capability.paths, url.pathname)
  );
}
