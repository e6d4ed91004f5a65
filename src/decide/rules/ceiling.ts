// The most that something may reach: reading it, and whether a call or a request for a lease lies within.

import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { activeCapabilities, covers } from '../../trust/lease/action.ts';
import { firstOutside } from '../../trust/lease/capabilities-within.ts';
import type { Effort } from '../../trust/lease/glob-within.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import type { Fields } from './fields.ts';
import type { CeilingTerms, Kind } from './rule.ts';

/** A call by what it can reach. */
export interface ReachingCall {
  readonly tool: string;
  readonly arguments: JsonObject;
  /** Grant ∩ lease and the cost, as capabilities; without `tool.call`. */
  readonly reach: readonly Capability[];
  /** Whether it can keep data in the tool's own store. */
  readonly kv: boolean;
  /** Wall milliseconds. */
  readonly now: number;
}

/** A request for a lease by what it names. */
export interface AskingLease {
  readonly capabilities: readonly Capability[];
  readonly ttlSeconds: number;
}

const SECONDS_MAX = 86_400;
const ENTRIES_MAX = 64;

/**
 * Reads `ceiling` and `seconds`: capabilities as of a lease, besides `{"type": "kv"}`.
 *
 * @returns undefined when neither is there.
 */
export function readCeiling(
  fields: Fields,
  { ceiling, seconds }: { readonly ceiling?: Json; readonly seconds?: Json },
  kinds: readonly Kind[] | undefined,
  path: string,
): CeilingTerms | undefined {
  if (ceiling === undefined && seconds === undefined) return undefined;
  const listed = ceiling === undefined ? [] : fields.list(ceiling, `${path}.ceiling`, ENTRIES_MAX);
  // Something harmless in the place of the store, so that problems keep their paths.
  const read = fields.capabilities(
    listed.map((each) => (isStore(each) ? STAND_IN : each)),
    `${path}.ceiling`,
  );
  return Object.freeze({
    ...(ceiling === undefined
      ? {}
      : { capabilities: read.filter((_, at) => !isStore(listed[at])) }),
    kv: listed.some(isStore),
    ...(kinds === undefined ? {} : { kinds: [...kinds].sort() }),
    ...(seconds === undefined
      ? {}
      : { seconds: fields.whole(seconds, `${path}.seconds`, 1, SECONDS_MAX) }),
  });
}

const STAND_IN: Json = { type: 'lease.refresh' };

function isStore(json: Json | undefined): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false;
  return (json as JsonObject)['type'] === 'kv' && Object.keys(json).length === 1;
}

/** Kinds of what a call does. */
export function kindsOfCall({ reach, kv }: Pick<ReachingCall, 'reach' | 'kv'>): readonly Kind[] {
  return ['tool.call', ...new Set(reach.map(({ type }) => type)), ...(kv ? ['kv' as const] : [])];
}

/**
 * Whether all that a call can reach lies within. The tool and its arguments are measured when the
 * ceiling names tools; which tools a rule is about is otherwise for its selectors to say.
 */
export function callWithin(ceiling: CeilingTerms, call: ReachingCall, effort: Effort): boolean {
  const { capabilities, kinds, kv } = ceiling;
  if (capabilities === undefined) return true;
  const measured = (kind: Kind): boolean => kinds === undefined || kinds.includes(kind);
  if (call.kv && measured('kv') && !kv) return false;
  const held = activeCapabilities(capabilities, call.now);
  if (capabilities.some(({ type }) => type === 'tool.call')) {
    const { tool, arguments: given } = call;
    if (!covers(held, { type: 'tool.call', tool, arguments: given }, call.now)) return false;
  }
  const reach = call.reach.filter(({ type }) => measured(type));
  return firstOutside(reach, held.map(timeless), effort) === undefined;
}

/** Whether all that a request names lies within, and it is no longer. */
export function leaseWithin(ceiling: CeilingTerms, asked: AskingLease, effort: Effort): boolean {
  const { capabilities, kinds, seconds = Infinity } = ceiling;
  if (!(asked.ttlSeconds <= seconds)) return false;
  if (capabilities === undefined) return true;
  const named = asked.capabilities.filter(
    ({ type }) => kinds === undefined || kinds.includes(type),
  );
  return firstOutside(named, capabilities, effort) === undefined;
}

/** In words, the capabilities as they are written. */
export function describeCeiling({ capabilities, kv, kinds, seconds }: CeilingTerms): string {
  const listed = [...(capabilities ?? []), ...(kv ? [{ type: 'kv' }] : [])];
  return [
    ...(kinds === undefined ? [] : [`${kinds.join(', ')} within`]),
    ...(capabilities === undefined ? [] : [canonicalJson(listed)]),
    ...(seconds === undefined ? [] : [`for at most ${seconds} s`]),
  ].join(' ');
}

/** What holds now, whatever comes after: a call is measured at one time. */
function timeless(capability: Capability): Capability {
  const { notBefore, notAfter, ...rest } = capability;
  return notBefore === undefined && notAfter === undefined ? capability : rest;
}
